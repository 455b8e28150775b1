"""Run by a test in a process of its own: PortAudio reads its surroundings once, at its first use.

Listens to a device for as long as its input is open and prints its state, level and counts, a line of JSON each 0.1 s.
"""

from __future__ import annotations

import json
import sys
import threading
import time

from stream.clock import SystemClock
from stream.devices import SoundSystem
from stream.inlet import Inlet
from stream.sources.sound_card import SoundCardSource


def main() -> None:
    source = SoundCardSource(SoundSystem(), sys.argv[1], SystemClock())
    inlet = Inlet(16000, 60.0)
    source.start(inlet)
    asked_to_stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), asked_to_stop.set()), daemon=True).start()
    while not asked_to_stop.is_set():
        status = inlet.status()
        line = {
            "state": source.status().state.value,
            "rms_dbfs": status.level.rms_dbfs,
            "stream_time": status.stream_time,
            "lost_seconds": status.lost_seconds,
        }
        print(json.dumps(line), flush=True)
        time.sleep(0.1)
    source.stop()


if __name__ == "__main__":
    main()
