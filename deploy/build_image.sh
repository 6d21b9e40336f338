#!/bin/sh
# Build Tembr's image and try it, without a Docker daemon and without a registry of images:
#
#   sudo deploy/build_image.sh [buildah build's arguments]     for instance --build-arg TEMBR_CPU_TORCH=no
#
# Needs Debian's buildah and debootstrap.  The base images are made of Debian bookworm, whose Python is 3.11.
# It speaks in the container, opens the site, and sees that the container's user can change nothing but /data and /tmp.
set -eu
cd "$(dirname -- "$0")/.."
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
image=localhost/tembr:cpu
address=http://127.0.0.1:5099

say() { printf 'build_image: %s\n' "$*" >&2; }

# An image of Debian bookworm with the given packages.
base() {
    name=docker.io/library/$1 packages=$2
    if buildah inspect --type image "$name" >/dev/null 2>&1; then return; fi
    say "making $name"
    folder=$(mktemp -d)
    debootstrap --variant=minbase --include="$packages" bookworm "$folder" >/dev/null
    rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/*
    (cd "$folder/usr/share" && rm -rf doc/* info/* locale/* man/*) # as the slim images of Debian are
    container=$(buildah from scratch)
    buildah copy --quiet "$container" "$folder" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm "$container" "$name" >/dev/null
    rm -rf "$folder"
}

base python:3.11 python3,python3-venv,python3-dev,ca-certificates,build-essential
base python:3.11-slim python3,ca-certificates

start=$(date +%s)
buildah build --pull-never --network host --format docker --layers --tag "$image" "$@" .
say "built in $(($(date +%s) - start)) s: $(buildah images --format '{{.Size}}' "$image")"

container=$(buildah from --pull-never "$image")
trap '[ -z "${server:-}" ] || kill -- "-$server"; wait; buildah rm "$container" >/dev/null' EXIT
run="buildah run --network host --env TEMBR_HOST=127.0.0.1 --env TEMBR_PORT=5099 $container"
# shellcheck disable=SC2086 # several words
in_container() { $run "$@"; }

say "as $(in_container id)"
for place in / /tembr /tembr/app /tembr/.venv /usr; do
    if in_container touch "$place/written" 2>/dev/null; then
        say "the container's user can write to $place"
        exit 1
    fi
done
in_container ./tembr speak "Привет! Good morning." --voice Kathleen --out /tmp/hello.mp3
# shellcheck disable=SC2086
setsid $run ./tembr serve & # a group of its own, which the trap ends whole
server=$!
waited=0
until python3 -c "import urllib.request as u; print(u.urlopen('$address/readyz', timeout=8).status)"; do
    waited=$((waited + 1))
    [ "$waited" -lt 60 ] || exit 1
    sleep 2
done 2>/dev/null
say "it served after $((2 * waited)) s"
