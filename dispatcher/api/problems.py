"""Every error as one form, with the status that HTTP has for it. Nothing internal gets out."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from tallystick.errors import ChainError, DispatcherRefusedError, InputError, RequirementError
from tallystick.wire.api import ProblemView

PROBLEM_RESPONSES: dict[int | str, dict[str, object]] = {
    "4XX": {"model": ProblemView, "description": "Refused: what was asked cannot be done."},
    "5XX": {"model": ProblemView, "description": "Unavailable: try again later, or go on without the dispatcher."},
}


def shown(error: Exception) -> tuple[int, ProblemView]:
    """The status and the words for an error."""
    match error:
        case DispatcherRefusedError():
            return error.status, ProblemView(
                error=error.code, message=error.what, remedy=error.remedy, values=error.values
            )
        case RequirementError():
            values: dict[str, str | int | None] = {"column": error.column}
            return 422, ProblemView(
                error="requirements_unreadable", message=error.what, remedy=error.remedy.strip(), values=values
            )
        case InputError():
            return 422, ProblemView(error="invalid_request", message=error.what, remedy=error.remedy)
        case ChainError():
            return 503, ProblemView(error="chain_unavailable", message=error.what, remedy=error.remedy)
        case TimeoutError():
            return 504, ProblemView(error="too_slow", message="The request took too long.", remedy="Try again.")
    return 500, ProblemView(
        error="internal", message="The dispatcher failed to answer this request; its log says why.", remedy="Try again."
    )


def problem_response(status: int, problem: ProblemView) -> JSONResponse:
    headers = {}
    if isinstance(wait := problem.values.get("retry_after_seconds"), int):
        headers["retry-after"] = str(wait)
    return JSONResponse(problem.model_dump(mode="json"), status_code=status, headers=headers)


def explain_framework_errors(app: FastAPI) -> None:
    """The framework's own refusals in the same form as ours; all others reach the gate."""

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"The request is not valid at {place}: {first['msg']}."
        problem = ProblemView(error="invalid_request", message=message, remedy="See /docs.", values={"place": place})
        return problem_response(422, problem)

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
        message = f"{request.method} {request.url.path}: {error.detail}."
        problem = ProblemView(error="not_found" if error.status_code == 404 else "refused", message=message)
        return problem_response(error.status_code, problem)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
