"""One endpoint: its troubles told apart, and its URL kept."""

import logging
import traceback

import pytest
from rpc_server import RefusedRequestError, RpcServer

from tallystick.chain.rpc import Rpc, shown_host
from tallystick.errors import ChainUnavailableError, InputError, RpcRefusedError

SECRET = "s3cret-api-key"


def echo(method, params):
    return [method, params]


@pytest.fixture
def server():
    with RpcServer(echo) as running:
        yield running


@pytest.fixture
async def rpc(server):
    made = Rpc(f"{server.url}/v2/{SECRET}?key={SECRET}", timeout_seconds=2)
    yield made
    await made.close()


async def trouble_of(rpc, kind=ChainUnavailableError):
    with pytest.raises(kind) as caught:
        await rpc.request("eth_chainId")
    return caught.value


# ---- the URL ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8545", "127.0.0.1:8545"),
        (f"https://user:{SECRET}@eth.example/v3/{SECRET}?k={SECRET}#{SECRET}", "eth.example"),
        ("http://[::1]:8545/", "::1:8545"),
    ],
)
def test_shown_host_is_host_and_port_alone(url, shown):
    assert shown_host(url) == shown


@pytest.mark.parametrize(
    "url", ["", SECRET, f"ws://{SECRET}", f"http:///{SECRET}", f"http://a:{SECRET}/", "http://[::1"]
)
def test_shown_host_given_no_http_url_is_refused_without_repeating_it(url):
    with pytest.raises(InputError, match="not an http or https URL") as caught:
        shown_host(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503])
async def test_request_given_an_http_error_never_shows_the_url(server, rpc, status):
    server.status, server.body = status, b"sorry"
    error = await trouble_of(rpc, (ChainUnavailableError, RpcRefusedError))
    assert SECRET not in "".join(traceback.format_exception(error))


async def test_request_given_a_dead_endpoint_never_shows_the_url():
    rpc = Rpc(f"http://user:{SECRET}@127.0.0.1:1/{SECRET}", timeout_seconds=2)
    error = await trouble_of(rpc)
    await rpc.close()
    assert SECRET not in "".join(traceback.format_exception(error))


async def test_request_logs_nothing_of_the_url(server, rpc, caplog):
    caplog.set_level(logging.DEBUG)
    await rpc.request("eth_chainId")
    await rpc.close()
    assert SECRET not in caplog.text


# ---- answers ----------------------------------------------------------------------------------------------------------


async def test_request_returns_the_result(rpc):
    assert await rpc.request("eth_call", {"to": "0x1"}, "latest") == ["eth_call", [{"to": "0x1"}, "latest"]]


async def test_request_given_a_null_result_returns_none(server, rpc):
    server.answer = lambda *_: None
    assert await rpc.request("eth_getTransactionReceipt", "0x1") is None


async def test_request_after_the_endpoint_closed_an_idle_connection_tries_once_more(server, rpc):
    await rpc.request("eth_chainId")
    server.drop_next = 1
    assert await rpc.request("eth_blockNumber") == ["eth_blockNumber", []]


async def test_request_given_an_endpoint_that_drops_every_connection_is_unavailable(server, rpc):
    server.drop_next = 10
    assert "cannot be reached" in str(await trouble_of(rpc))


async def test_request_given_no_answer_in_time_says_how_long_it_waited(server):
    server.delay_seconds = 0.5
    rpc = Rpc(server.url, timeout_seconds=0.05)
    error = await trouble_of(rpc)
    await rpc.close()
    assert "did not answer eth_chainId within 0.05 s" in str(error)


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"null", b"[]", b'{"id":1}', b'"x"'])
async def test_request_given_no_json_rpc_says_so(server, rpc, body):
    server.body = body
    assert "not JSON" in str(await trouble_of(rpc))


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "API key"), (403, "API key"), (404, "path"), (429, "Slow down"), (500, "Try again")]
)
async def test_request_given_an_http_error_says_what_to_do(server, rpc, status, remedy):
    server.status, server.body = status, b"sorry"
    error = await trouble_of(rpc)
    assert (f"HTTP {status}" in str(error), remedy in error.remedy) == (True, True)


async def test_request_given_a_json_rpc_error_carries_it(server, rpc):
    def refuse(*_):
        raise RefusedRequestError("execution reverted", code=3, data="0x1234")

    server.answer = refuse
    error = await trouble_of(rpc, RpcRefusedError)
    assert (error.code, error.message, error.data) == (3, "execution reverted", "0x1234")


async def test_request_given_an_error_in_the_body_of_an_http_400_carries_it(server, rpc):
    server.status, server.body = 400, b'{"error":{"code":-32600,"message":"range too large"}}'
    assert (await trouble_of(rpc, RpcRefusedError)).message == "range too large"


@pytest.mark.parametrize("body", [b'{"error":"no"}', b'{"error":{}}', b'{"error":{"code":"x","message":null}}'])
async def test_request_given_a_malformed_error_is_still_a_refusal(server, rpc, body):
    server.body = body
    assert (await trouble_of(rpc, RpcRefusedError)).code == 0


# ---- batches ----------------------------------------------------------------------------------------------------------


async def test_batch_returns_results_in_order(rpc):
    assert await rpc.batch([("a", [1]), ("b", [])]) == [["a", [1]], ["b", []]]


async def test_batch_is_one_http_request(server, rpc):
    server.answer = lambda *_: len(server.requests)
    assert await rpc.batch([("a", []), ("b", []), ("c", [])]) == [1, 2, 3]


async def test_batch_given_an_endpoint_without_batches_asks_one_by_one(server, rpc):
    server.takes_batches = False
    assert await rpc.batch([("a", [1]), ("b", [])]) == [["a", [1]], ["b", []]]


async def test_batch_given_one_refusal_raises_it(server, rpc):
    def answer(method, params):
        if method == "b":
            raise RefusedRequestError("no b")
        return method

    server.answer = answer
    with pytest.raises(RpcRefusedError, match="refused b: no b"):
        await rpc.batch([("a", []), ("b", [])])


@pytest.mark.parametrize("status", [429, 502])
async def test_batch_given_a_server_in_trouble_is_unavailable(server, rpc, status):
    server.status, server.body = status, b""
    with pytest.raises(ChainUnavailableError, match=f"HTTP {status}"):
        await rpc.batch([("a", [])])
