"""Adds files to a wheel that maturin has made, and puts its own in order."""

import base64
import csv
import hashlib
import io
import re
import zipfile


def add(wheel, files, result):
    """Write to `result` the wheel with `files` added: a dictionary of names in it and paths.

    What goes beside the packages, maturin has only in the folder for data, where an installer finds it as well, but
    those who look at wheels do not. It goes to the top.
    """
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        (record,) = (item for item in old.infolist() if item.filename.endswith(".dist-info/RECORD"))
        rows = list(csv.reader(io.StringIO(old.read(record).decode("utf-8"))))
        for row in rows:
            row[0] = without_data_folder(row[0])
        for item in old.infolist():
            if item is not record:
                content = old.read(item)
                item.filename = without_data_folder(item.filename)
                new.writestr(item, content)
        for name, path in files.items():
            content = path.read_bytes()
            # The same library gives the same wheel: no time stamp of this build.
            entry = zipfile.ZipInfo(name, date_time=record.date_time)
            entry.external_attr = (0o100755 if path.stat().st_mode & 0o100 else 0o100644) << 16
            new.writestr(entry, content, zipfile.ZIP_DEFLATED)
            rows.insert(-1, [name, digest(content), str(len(content))])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        new.writestr(record, text.getvalue())


def without_data_folder(name):
    return re.sub(r"^[^/]+\.data/platlib/", "", name)


def extension_module(wheel):
    """The bytes of the one in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith((".so", ".pyd")))
        return archive.read(name)


def digest(content):
    """As a RECORD has it: the padding of base64 left out."""
    encoded = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + encoded.rstrip(b"=").decode("ascii")
