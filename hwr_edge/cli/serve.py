"""`hwr-edge serve`: the page and the API over HTTP, or the page as a folder of its own."""

import contextlib
import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from hwr_edge.cli import options
from hwr_edge.cli.predict import hushed
from hwr_edge.cli.signals import like_ctrl_c
from hwr_edge.errors import RuntimeMissingError

_Precision = StrEnum("_Precision", ["fp32", "int8"])
_LOCAL = ("127.0.0.1", "localhost", "::1")


def run(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "-m", "--model", metavar="NAME|PATH", help="read with it unless asked otherwise; may be repeated"
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="address to serve on; 0.0.0.0 for every network")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 7000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="a name under which the server is reached; may be repeated"),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="a site whose scripts may use the API; may be repeated"),
    ] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="the API alone, no page")] = False,
    max_mb: Annotated[float, typer.Option(min=0.01, metavar="N", help="largest upload")] = 10.0,
    max_megapixels: Annotated[float, typer.Option(min=0.01, metavar="N", help="largest picture")] = 25.0,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="seconds for an upload, and for its answer")
    ] = 10.0,
    queue: Annotated[int, typer.Option(min=1, metavar="N", help="requests at a time; more get a 503")] = 64,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="threads that read pictures [one a core, 2 to 8]")
    ] = None,
    runtime: options.Runtime = options.RuntimeName.auto,
    device: options.Device = options.DeviceName.auto,
    threads: options.Threads = None,
    static: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="write the page as a folder that reads in the browser, and end"),
    ] = None,
    precision: Annotated[
        _Precision, typer.Option(help="of the models that --static writes")
    ] = _Precision.fp32,
    verbose: options.Verbose = False,
) -> int:
    """Serve a page to draw, drop and film on, and an API that answers like `predict`.

    The models named come first, the bundled ones are there as well. The API is described at /openapi.json.
    Ctrl-C ends it. With --static no server is needed: the folder goes on any web host, and onnxruntime-web,
    which npm fetches once, runs the model in the browser, one drawn character at a time.
    """
    if static is not None:
        from hwr_edge.web import folder

        print(f"fetching {folder.PACKAGE} with npm", file=sys.stderr)
        print(folder.write(static, model or [], precision.value))
        return 0
    try:
        from hwr_edge.web import app, server, shelf
        from hwr_edge.web.limits import Limits
    except ModuleNotFoundError as error:
        raise RuntimeMissingError(f'{error.name} is not installed: pip install "hwr-edge[web]"') from None
    import cv2

    cv2.setNumThreads(threads or 1)  # pictures are read side by side; each with all cores would only wait
    limits = Limits(
        int(max_mb * 1e6),
        int(max_megapixels * 1e6),
        timeout,
        queue,
        workers or min(8, max(2, os.cpu_count() or 2)),
    )
    access = app.Access(_hosts(host, allow_host or []), tuple(cors or ()), not no_ui)
    with server.listen(host, port) as hearing:
        with contextlib.nullcontext() if verbose else hushed():
            opened = shelf.open_all(model or [], runtime, device, threads)
        used = ", ".join(f"{one.spec.name} in {one.runtime.name}" for one in opened)
        said = f"hwr-edge is at {server.address(hearing)} ({used}); Ctrl-C ends it"
        application = app.create_app(opened, limits, access)
        # Being told to end is the usual end of a server, not a failure.
        with contextlib.suppress(KeyboardInterrupt), like_ctrl_c():
            server.serve(application, hearing, verbose, lambda: print(said, file=sys.stderr, flush=True))
    return 0


def _hosts(host: str, more: list[str]) -> tuple[str, ...]:
    """Names that requests may be addressed to: any where every network is served, unless some are given."""
    if host in _LOCAL:
        return (*_LOCAL, *more)
    return tuple(more) or ("*",)
