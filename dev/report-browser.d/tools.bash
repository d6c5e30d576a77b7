# shellcheck shell=bash
# What dev/report-browser and benches/report share: the pinned tools, the browser, the pages that they open. To be sourced
# from the root of the repository, after `program` has been set.

lockfile=dev/report-browser.d/npm.lock
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tribunal
# shellcheck disable=SC2034 # for the caller
pages=${CARGO_TARGET_DIR:-target}/tmp/report-pages

# shellcheck source=dev/processes.bash
. dev/processes.bash

# Sets `tools` to a folder with the pinned tools. It is complete or absent, so that checks at the same time share it.
need_tools() {
  local lock needed
  for needed in node npm; do
    command -v "$needed" >/dev/null || die "there is no $needed on the PATH; dev/report-browser --help says what is needed"
  done
  need_browser
  tools=$cache/report-browser-$(cksum <"$lockfile" | cut -d' ' -f1)
  [[ -f $tools/complete ]] && return
  mkdir -p -- "$cache"
  exec {lock}>"$cache/.report-browser.lock"
  flock "$lock"
  if [[ ! -f $tools/complete ]]; then
    say "fetching the tools into $tools"
    rm -rf -- "$tools"
    mkdir -- "$tools"
    cp -- "$lockfile" "$tools/package-lock.json"
    (
      cd -- "$tools"
      node -e 'const { dependencies } = require("./package-lock.json").packages[""];
        require("fs").writeFileSync("package.json", JSON.stringify({ private: true, dependencies }));'
      npm ci --silent --ignore-scripts --no-audit --no-fund
    )
    touch "$tools/complete"
  fi
  exec {lock}>&-
}

need_browser() {
  command -v chromium >/dev/null && return
  command -v apt-get >/dev/null || die 'there is no chromium on the PATH'
  apt-get -qq update
  apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
}

# Writes the pages into `pages`, by a build of this profile.
write_pages() {
  cargo test --quiet --locked --profile "$1" --package tribunal-report --test golden -- \
    --exact pages::pages_are_written_for_a_browser
}
