#!/bin/sh
# Dub every video of a folder that has a WAV of the same name beside it:
#
#     examples/dub_folder.sh FOLDER [flag of 'dubtool dub' ...]
#
# lesson 1.mp4 + lesson 1.wav -> lesson 1.dubbed.mp4. What is there already is left alone; after an error the next video
# follows. Exit code: 0 if all went well, else that of the first dub that failed. DUBTOOL names another command to run.
# ('dubtool batch FOLDER' does the same on all cores or GPUs.)

. "$(dirname "$0")/loop.sh"
folder_for dub "$@"
shift

for video in "$folder"/*.mp4 "$folder"/*.mov "$folder"/*.mkv; do
    speech=${video%.*}.wav
    output=${video%.*}.dubbed.mp4
    # A pattern without a match stands for itself; a result has no speech beside it.
    [ -f "$video" ] && [ -f "$speech" ] || continue
    make "$output" dub "$video" "$speech" --output "$output" --quiet "$@"
done
finish dubbed
