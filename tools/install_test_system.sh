#!/bin/sh
# Installs what the tests need beyond Python: a browser, a sound server, a radio server, ffmpeg,
# curl, openssl, and what renders dances. Only where it may (root or sudo
# without a password, Debian's package manager); elsewhere it says what is missing, and the tests that need it skip.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
    command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
command -v pulseaudio >/dev/null 2>&1 || missing="$missing pulseaudio libasound2-plugins"
command -v pactl >/dev/null 2>&1 || missing="$missing pulseaudio-utils"
command -v ffmpeg >/dev/null 2>&1 || missing="$missing ffmpeg"
command -v icecast2 >/dev/null 2>&1 || missing="$missing icecast2"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
command -v mma >/dev/null 2>&1 || missing="$missing mma"
command -v fluidsynth >/dev/null 2>&1 || missing="$missing fluidsynth"
[ -f /usr/share/sounds/sf2/FluidR3_GM.sf2 ] || missing="$missing fluid-soundfont-gm"
ldconfig -p 2>/dev/null | grep -q 'libportaudio\.so\.2' || missing="$missing libportaudio2"
find /usr/lib -name 'libasound_module_pcm_pulse.so' 2>/dev/null | grep -q . || missing="$missing libasound2-plugins"
[ -z "$missing" ] && exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null 2>&1 && { [ -z "$as_root" ] || sudo -n true 2>/dev/null; }; then
    echo "Installing for the tests:$missing" >&2
    $as_root apt-get update -qq
    # shellcheck disable=SC2086 # one word per package
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Not installed, and this account may not install it:$missing. Tests that need it will say so." >&2
fi
