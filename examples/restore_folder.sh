#!/bin/sh
# Sharpen the teeth in every video of a folder:
#
#     examples/restore_folder.sh FOLDER [flag of 'dubtool restore-teeth' ...]
#
# lesson 1.mp4 -> lesson 1.restored.mp4. What is there already is left alone; after an error the next video follows.
# Exit code: 0 if all went well, else that of the first one that failed. DUBTOOL names another command to run.

. "$(dirname "$0")/loop.sh"
folder_for restore-teeth "$@"
shift

for video in "$folder"/*.mp4 "$folder"/*.mov "$folder"/*.mkv; do
    output=${video%.*}.restored.mp4
    # A pattern without a match stands for itself.
    [ -f "$video" ] || continue
    case $video in
    *.restored.mp4) continue ;;
    esac
    make "$output" restore-teeth "$video" --output "$output" --quiet "$@"
done
finish restored
