"""What a speech sounds like, as functions of time: Whisper, mel and DeepSpeech features."""
