"""Everything that knows ffmpeg: probing, decoding, encoding and sound."""
