"""The fenced blocks of a page, and what becomes of them. The word after the language says it:

  ```c service.c   a file of that name, or one more piece of it; C and C++ are compiled, strictly, and Python is read
  ```sh            run by sh -eu in the order of the page, in the folder of the page's files
  ```sh tree       the same, where the tree and Bazel are at hand: tools/check.d/embed
  ```text, ```     shown, and no more
"""

import pathlib
import re
import subprocess

FENCE = re.compile(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
COMPILERS = {"c": ["cc", "-std=c11", "-D_GNU_SOURCE", "-Wstrict-prototypes", *STRICT], "cpp": ["c++", "-std=c++17", *STRICT]}


def blocks(page):
    """(language, word, text) of each block of a page."""
    return [(m[1], m[2] or "", m[3]) for m in FENCE.finditer(pathlib.Path(page).read_text())]


def unknown(language, word):
    """Is it a block of which nobody knows what to do with it?"""
    return not (language in ("", "text") or (language == "sh" and word in ("", "tree"))
                or (word and language in ("c", "cpp", "python", "starlark")))


def write(page, folder):
    """The page's files, in a folder."""
    for language, word, text in blocks(page):
        if word and language != "sh":
            with open(folder / word, "a") as file:
                file.write(text)


def run(command, folder, environment):
    """What the command said, or an AssertionError with it."""
    done = subprocess.run(command, cwd=folder, env=environment, text=True, timeout=600, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, f"{' '.join(command)}\nexit status {done.returncode}\n{done.stdout}"
    return done.stdout


def check(page, folder, environment, with_tree=False, add=None):
    """Do with each block what is to be done; returns a line for each, and what the shell said. `add`: texts to add to files
    of the page, by name."""
    write(page, folder)
    for name, text in (add or {}).items():
        with open(folder / name, "a") as file:
            file.write(text)
    found = blocks(page)
    script = "".join(text for language, word, text in found if language == "sh" and (with_tree or not word))
    said = run(["sh", "-euc", script], folder, environment) if script else ""
    lines = []
    for language, word, text in found:
        what = "shown"
        if language in COMPILERS:
            if not (folder / f"{word}.o").exists():
                flags = run(["pkg-config", "--cflags", "qlane"], folder, environment).split()
                run([*COMPILERS[language], *flags, "-c", word, "-o", f"{word}.o"], folder, environment)
            what = "compiled"
        elif language == "python":
            compile((folder / word).read_text(), word, "exec")
            what = "read"
        elif language == "sh" and (with_tree or not word):
            what = "run"
        elif language == "starlark" and with_tree:
            what = "used by what is run"
        lines.append(f"{page}: {language or 'text'} {word}: {what}")
    return lines, said
