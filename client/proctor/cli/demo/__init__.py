"""`proctor demo`: both bundled challenges, from an organizer's folder to a re-run, here and now.

A fresh platform is started in a fresh home, everything goes through its doors as it would for
strangers, and nothing is left behind.
"""

from proctor.cli.demo.show import run_demo

__all__ = ["run_demo"]
