"""Write what Kibana is given into include/kibana/."""

from __future__ import annotations

from rasid.kibana import FOLDER, files


for name, text in files().items():
    (FOLDER / name).write_text(text, "utf-8")
