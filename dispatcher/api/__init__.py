"""The dispatcher over HTTP."""

from dispatcher.api.application import build_api, openapi_document

__all__ = ["build_api", "openapi_document"]
