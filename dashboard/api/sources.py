"""What can be listened to: sound devices and samples."""

from __future__ import annotations

from flask import Response
from flask_openapi import APIBlueprint
from pydantic import Field

from dashboard.api.schemas import Answer, Query, Switch, readable
from dashboard.samples import samples
from dashboard.studio import Studio


class DevicesQuery(Query):
    refresh: Switch = Field(default=False, description="Look again. While one is in use the list stays as it is.")


class Device(Answer):
    name: str = Field(description="What a session takes.")
    title: str
    channels: int = Field(ge=1)
    sample_rate: float = Field(description="Hz.")
    default: bool
    loopback: bool = Field(description="It records what the computer plays, going by its name.")


class Devices(Answer):
    devices: list[Device]
    missing: str | None = Field(description="Why there is no sound system; null if there is one.")


class Sample(Answer):
    name: str = Field(description="What a session takes.")
    title: str


class Samples(Answer):
    samples: list[Sample]


def register_sources(api: APIBlueprint, studio: Studio) -> None:
    """Add `GET /devices` and `GET /samples`."""

    @api.get("/devices", operation_id="list_devices", responses={200: Devices})
    def list_devices(query: DevicesQuery) -> Response:
        """Sound devices of the machine that genrescope runs on."""
        if query.refresh:
            studio.refresh_devices()
        missing = studio.sound.missing
        found = [] if missing is not None else studio.sound.inputs()
        return Devices(
            devices=[
                Device(
                    name=readable(device.name),
                    title=readable(device.title),
                    channels=device.inputs,
                    sample_rate=device.sample_rate,
                    default=device.default_input,
                    loopback=device.loopback,
                )
                for device in found
            ],
            missing=missing,
        ).response()

    @api.get("/samples", operation_id="list_samples", responses={200: Samples})
    def list_samples() -> Response:
        """The clips that come with genrescope."""
        found = [Sample(name=sample.key.partition(":")[2], title=sample.title) for sample in samples()]
        return Samples(samples=found).response()
