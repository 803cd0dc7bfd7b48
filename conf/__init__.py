"""The configuration files, as a package so that the wheel carries them (harness.conf)."""
