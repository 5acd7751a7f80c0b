#!/bin/sh
# Let every portrait of a folder follow one driver:
#
#     examples/reenact_portraits.sh DRIVER FOLDER [flag of 'dubtool reenact' ...]
#
# talk.mp4 + people/anna.png -> people/anna.talk.mp4. The driver's face is looked for once: the first run keeps what it
# finds. What is there already is left alone; after an error the next portrait follows. Exit code: 0 if all went well,
# else that of the first one that failed. DUBTOOL names another command to run.

. "$(dirname "$0")/loop.sh"
film_and_folder_for reenact DRIVER "$@"
shift 2

for portrait in "$folder"/*.png "$folder"/*.jpg "$folder"/*.jpeg "$folder"/*.webp; do
    output=${portrait%.*}.${name%.*}.mp4
    # A pattern without a match stands for itself.
    [ -f "$portrait" ] || continue
    make "$output" reenact "$portrait" "$film" --output "$output" --quiet "$@"
done
finish reenacted
