// Runs in the browser's audio thread: gathers the microphone's sound into blocks, ready to be sent, and counts frames.
// Messages to the page: {message, frames, zero}. `message` is what goes through the websocket (dashboard/microphone.py):
// eight bytes of count, then the frames as float32. Every machine with a browser today stores numbers little-endian.
"use strict";

const COUNT_BYTES = 8;

class Capture extends AudioWorkletProcessor {
  // processorOptions: {channels, frames}, the channels sent and the frames in a block.
  constructor(options) {
    super();
    this.channels = options.processorOptions.channels;
    this.frames = options.processorOptions.frames;
    this.captured = 0; // frames since the beginning
    this.begin();
  }

  begin() {
    this.message = new ArrayBuffer(COUNT_BYTES + 4 * this.channels * this.frames);
    this.samples = new Float32Array(this.message, COUNT_BYTES);
    this.filled = 0;
  }

  process(inputs) {
    const input = inputs[0];
    if (!input.length) return true; // nothing is connected: that is no silence, and no frame
    for (let frame = 0; frame < input[0].length; frame += 1) {
      for (let channel = 0; channel < this.channels; channel += 1) {
        this.samples[this.filled * this.channels + channel] = input[channel] ? input[channel][frame] : 0;
      }
      this.filled += 1;
      if (this.filled === this.frames) this.send();
    }
    return true;
  }

  send() {
    const { message, samples, frames } = this;
    new DataView(message).setBigUint64(0, BigInt(this.captured), true);
    const zero = samples.every((sample) => sample === 0);
    this.captured += frames;
    this.begin();
    this.port.postMessage({ message, frames, zero }, [message]); // moved, not copied
  }
}

registerProcessor("genrescope-capture", Capture);
