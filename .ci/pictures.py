"""Pictures of the console over the demo's state, for the README: `.venv/bin/python .ci/pictures.py FOLDER_OF_A_STATE`.

The state is that of `spanline demo --state FOLDER_OF_A_STATE`. Needs chromium and playwright; writes docs/pictures.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from sensor import config
from sensor.pipeline.consoling import open_alone
from sensor.store.state import State

TO = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SIZE = {"width": 1200, "height": 700}
PHONE = {"width": 390, "height": 780}


def main(folder: Path) -> None:
    """Take them all."""
    with State(folder, readonly=True) as state:
        first = state.incidents()[0]
        second = state.incidents()[1]
        device = next(one for one in state.devices() if one.name == "SYD-LT-0256")
    account = first.entities[0].id
    pictures = (
        ("incidents", "/incidents?state=all", "light", SIZE, None),
        ("incident", f"/incidents/{first.id}", "dark", SIZE, None),
        ("evidence", f"/incidents/{second.id}", "light", SIZE, "#evidence"),
        ("account", f"/accounts/{account}?kind=signin", "light", SIZE, None),
        ("device", f"/devices/{device.id}", "dark", SIZE, None),
        ("signins", "/signins", "light", SIZE, None),
        ("phone", "/incidents?state=all", "dark", PHONE, None),
    )
    served, link = open_alone(config.with_console(config.default(), "127.0.0.1:0"), folder)
    served.desk.decisions.readonly = ""  # its notice is not part of a running sensor's pages
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context()
        context.new_page().goto(link)
        kept = context.cookies()
        for name, path, scheme, size, at in pictures:
            seen = browser.new_context(color_scheme=scheme, viewport=size)
            seen.add_cookies(kept)
            page = seen.new_page()
            page.goto(served.address + path)
            if at:
                page.locator(at).scroll_into_view_if_needed()
            page.screenshot(path=TO / f"{name}.png")
        browser.close()
    served.close(1.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
