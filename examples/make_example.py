"""Makes `portrait.mp4`, a talking portrait of seven seconds, and `speech.wav`, the speech to dub it with.

The picture is NASA's public-domain portrait of an astronaut (Eileen Collins) that scikit-image carries; the voices are
flite's `slt` (Carnegie Mellon, a BSD-like licence). Needs flite and ffmpeg on the PATH, and scikit-image unless
`--portrait` names the picture. The same versions of those tools write the same bytes.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
import soundfile
from mediapipe.tasks.python import BaseOptions, vision
from talking_portrait import CANVAS, SIZE, Array, Image, Performance, TalkingPortrait, smooth

HERE = Path(__file__).resolve().parent
CLIP_TEXT = (
    "The clip you are watching was drawn from a single photograph. "
    "Only the head moves, and the voice was made by a machine."
)
SPEECH_TEXT = (
    "Every word you hear now is new. The mouth on the screen follows this voice, "
    "even though nobody ever said these words on camera."
)
FPS = 25
CROP = (92, 0, 270)  # left, top, side of the part of the 512 x 512 portrait that is shown
SAMPLE_RATE = 22050


def speak(text: str, path: Path, rest: float) -> None:
    """Writes `text`, spoken, as 16-bit mono WAV at SAMPLE_RATE, after `rest` seconds of silence."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(raw)], check=True)
        filters = f"adelay={round(1000 * rest)},apad=pad_dur=0.15,aresample={SAMPLE_RATE}"
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(raw), "-af", filters, "-bitexact", "-c:a", "pcm_s16le"]
        subprocess.run([*command, str(path)], check=True)


def perform(voice: Array, frames: int) -> Performance:
    """A performance that fits the voice: loud opens the mouth, dull vowels round it, pauses rest."""
    window = int(0.04 * SAMPLE_RATE)
    times = np.arange(frames) / FPS
    loudness, dullness = np.zeros(frames), np.zeros(frames)
    for i, time in enumerate(times):
        centre = int(time * SAMPLE_RATE)
        piece = voice[max(0, centre - window // 2) : centre + window // 2]
        if piece.size < window // 2:
            continue
        loudness[i] = np.sqrt(np.mean(piece**2))
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(piece.size), 2048)) ** 2
        frequency = np.fft.rfftfreq(2048, 1 / SAMPLE_RATE)
        voiced = (frequency > 200) & (frequency < 3500)
        centroid = np.sum(spectrum * frequency * voiced) / (np.sum(spectrum * voiced) + 1e-9)
        dullness[i] = np.clip((1100 - centroid) / 700, 0, 1)
    level = loudness / np.percentile(loudness, 95)
    opening = smooth(np.clip((level - 0.12) / 0.8, 0, 1.1) ** 0.9, 0.7)
    rounding = smooth(dullness * (level > 0.15), 1.8)
    turn = 2 * np.pi * times
    emphasis = smooth(opening, 5.0)
    blink = sum((np.exp(-(((times - at) / 0.075) ** 4)) for at in (0.9, 3.1, 4.0, 5.7)), np.zeros(frames))
    return Performance(
        opening=opening,
        rounding=rounding,
        blink=blink,
        yaw=0.085 * np.sin(0.19 * turn + 0.4) + 0.03 * np.sin(0.47 * turn),
        pitch=0.03 * np.sin(0.31 * turn + 1.0) + 0.05 * (emphasis - emphasis.mean()),
        roll=0.035 * np.sin(0.23 * turn + 2.0) + 0.01 * np.sin(0.6 * turn),
        shift=np.stack([9 * np.sin(0.21 * turn), 5 * np.sin(0.33 * turn + 0.5)], axis=1),
        scale=1 + 0.012 * np.sin(0.16 * turn + 1.5),
    )


def load_portrait(path: Path | None) -> Image:
    """The shown part of the portrait, RGB, CANVAS x CANVAS."""
    if path is None:
        from skimage import data

        portrait = data.astronaut()
    else:
        portrait = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    left, top, side = CROP
    canvas = cv2.resize(
        portrait[top : top + side, left : left + side], (CANVAS, CANVAS), interpolation=cv2.INTER_LANCZOS4
    )
    return cv2.addWeighted(canvas, 1.4, cv2.GaussianBlur(canvas, (0, 0), 4.0), -0.4, 0)


def find_landmarks(image: Image, model: Path) -> Array:
    """478 points of the one face: x, y and relative depth, in pixels."""
    options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(model)))
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        face = landmarker.detect(mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(image))).face_landmarks[0]
    return np.array([[p.x, p.y, p.z] for p in face]) * CANVAS


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the example clip and the example speech.")
    parser.add_argument("--portrait", type=Path, help="the astronaut picture, if scikit-image is not installed")
    parser.add_argument("--landmarker", type=Path, required=True, help="MediaPipe's face_landmarker.task")
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write to")
    options = parser.parse_args()
    picture = load_portrait(options.portrait)
    points = find_landmarks(picture, options.landmarker)
    speak(SPEECH_TEXT, options.output / "speech.wav", rest=0.15)
    with tempfile.TemporaryDirectory() as folder:
        voice_path = Path(folder) / "voice.wav"
        # A pause in which the lips rest: what silence is compared with.
        speak(CLIP_TEXT, voice_path, rest=0.5)
        voice, _ = soundfile.read(voice_path)
        frames = int(voice.size / SAMPLE_RATE * FPS)
        portrait = TalkingPortrait(picture, points)
        play = perform(voice, frames)
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE}x{SIZE}"]
        command += ["-r", str(FPS), "-i", "-", "-i", str(voice_path), "-vf", "scale=out_color_matrix=bt709"]
        command += ["-c:v", "libx264", "-crf", "20", "-preset", "slow", "-threads", "1", "-pix_fmt", "yuv420p"]
        command += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
        command += ["-c:a", "aac", "-b:a", "64k", "-shortest", "-bitexact", "-movflags", "+faststart"]
        with subprocess.Popen([*command, str(options.output / "portrait.mp4")], stdin=subprocess.PIPE) as encoder:
            assert encoder.stdin is not None
            for i in range(frames):
                encoder.stdin.write(portrait.draw(play, i).tobytes())
        if encoder.returncode:
            raise SystemExit("ffmpeg failed")


if __name__ == "__main__":
    main()
