"""Sends a sound file to genrescope and prints what is heard in it: python send_audio.py song.flac [ADDRESS [TOKEN]]

It speaks the protocol itself, to show all there is to it. Needs: pip install simple-websocket soundfile
"""

import json
import sys
import threading
import urllib.request

import soundfile
from simple_websocket import Client

path, address, token = (*sys.argv[1:], *("http://127.0.0.1:8050", "")[len(sys.argv) - 2 :])
headers = {"Authorization": f"Bearer {token}"} if token else {}

order = json.dumps({"source": {"kind": "audio"}}).encode()
request = urllib.request.Request(f"{address}/api/v1/sessions", order, {"Content-Type": "application/json", **headers})
session = json.load(urllib.request.urlopen(request))["id"]

sound = soundfile.SoundFile(path)
socket = Client(f"{address.replace('http', 'ws', 1)}/api/v1/sessions/{session}/audio", headers=headers)
form = {"rate": sound.samplerate, "channels": sound.channels, "format": "s16", "pace": "file"}
socket.send(json.dumps({"version": 1, **form}))


def send():
    for block in sound.blocks(sound.samplerate // 10, dtype="int16"):
        socket.send(block.tobytes())
    socket.send(json.dumps({"type": "end"}))


threading.Thread(target=send, daemon=True).start()  # results come while sound goes
while (message := json.loads(socket.receive()))["type"] != "end":
    if message["type"] == "result":
        print(f"{message['time_seconds']:7.1f} s  {message['label'] or message['verdict']}")
