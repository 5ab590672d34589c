# SPDX-License-Identifier: GPL-2.0-or-later
"""The man page says what the program does: its keys, its options, its commands."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def page():
    with open(os.path.join(ROOT, "doc", "proftop.1"), encoding="utf-8") as file:
        return file.read()


@tap.test("the keys are those of the table")
def _():
    written = page().split(".\\\" keys: begin\n")[1].split(".\\\" keys: end\n")[0]
    tap.equal(written, proftop.ok("--man-keys"), "keys in the man page")


@tap.test("the settings are those of the table")
def _():
    written = page().split(".\\\" settings: begin\n")[1].split(".\\\" settings: end\n")[0]
    tap.equal(written, proftop.ok("--man-settings"), "settings in the man page")


@tap.test("every option of --help is in it")
def _():
    text = page().replace("\\-", "-")
    for option in re.findall(r"^  (?:-.,|   ) (--[a-z-]+)", proftop.ok("--help"), re.MULTILINE):
        assert option in text, "%s is not in the man page" % option


@tap.test("every command of --help is in it")
def _():
    text = page()
    for verb in re.findall(r"^  proftop ([a-z]+)", proftop.ok("--help"), re.MULTILINE):
        assert re.search(r"\b%s\b" % verb, text), "%s is not in the man page" % verb


tap.main()
