"""`di2pose export ...`: trained models in forms that run without torch, on this machine or on a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Write a trained model for other programs.", no_args_is_help=True)


@app.callback()
def export() -> None:
    """Write a trained model for other programs."""


@app.command()
def onnx(
    checkpoint: Annotated[str, typer.Argument(help="Finished live model: a folder of `train doubt`, or di2pose.")],
    out: Annotated[Path, typer.Option(help="The file to write; give it to --estimator.")],
) -> None:
    """One ONNX graph from what BlazePose says of a crop to pose, spread and hypotheses."""
    from engine.model.live_onnx import export_live_pose
    from engine.model.live_pose import load_live_pose

    path = export_live_pose(load_live_pose(checkpoint), out)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


@app.command()
def triton(
    directory: Annotated[Path, typer.Argument(help="The model repository to write; give it to tritonserver.")],
    plans: Annotated[
        Path | None, typer.Option(help="Serve the TensorRT plans of this folder (of `build`) instead of ONNX graphs.")
    ] = None,
    graph: Annotated[
        list[str] | None, typer.Option(help="detector, landmark, live, fused; default: the first three. Repeatable.")
    ] = None,
    live_graph: Annotated[Path | None, typer.Option(help="The live model's ONNX file, of `export onnx`.")] = None,
    max_batch: Annotated[int, typer.Option(min=1, help="Persons or pictures of several lines in one run.")] = 16,
) -> None:
    """A model repository for NVIDIA Triton: what lines on several machines share; docs/triton.md."""
    from engine.build.graphs import graph_named, in_order
    from engine.build.triton_repository import served_model, write_repository

    graphs = [graph_named(name, live_graph=live_graph) for name in in_order(graph)]
    models = [served_model(each, max_batch=max_batch, plans=plans) for each in graphs]
    for written in write_repository(directory, models):
        needs = f"; the server must have {written.needs}" if written.needs else ""
        typer.echo(f"{written.path}: {written.size / 1e6:.1f} MB{needs}")


if __name__ == "__main__":
    app()
