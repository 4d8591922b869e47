"""List time zones for the form, one populous city for each.

A script adds the browser's own.
"""

ZONES = (
    *("UTC", "Pacific/Honolulu", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Phoenix"),
    *("America/Chicago", "America/Mexico_City", "America/Bogota", "America/Lima", "America/New_York"),
    *("America/Toronto", "America/Caracas", "America/Halifax", "America/Santiago", "America/Sao_Paulo"),
    *("America/Argentina/Buenos_Aires", "America/St_Johns", "Atlantic/Azores", "Atlantic/Reykjavik"),
    *("Africa/Casablanca", "Africa/Lagos", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Madrid"),
    *("Europe/Paris", "Europe/Brussels", "Europe/Amsterdam", "Europe/Berlin", "Europe/Zurich", "Europe/Vienna"),
    *("Europe/Rome", "Europe/Copenhagen", "Europe/Oslo", "Europe/Stockholm", "Europe/Prague", "Europe/Warsaw"),
    *("Europe/Budapest", "Europe/Athens", "Europe/Bucharest", "Europe/Helsinki", "Europe/Kyiv", "Europe/Istanbul"),
    *("Europe/Moscow", "Africa/Cairo", "Africa/Johannesburg", "Africa/Nairobi", "Asia/Jerusalem", "Asia/Riyadh"),
    *("Asia/Dubai", "Asia/Tehran", "Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Bangkok"),
    *("Asia/Ho_Chi_Minh", "Asia/Jakarta", "Asia/Singapore", "Asia/Hong_Kong", "Asia/Shanghai", "Asia/Taipei"),
    *("Asia/Manila", "Australia/Perth", "Asia/Seoul", "Asia/Tokyo", "Australia/Adelaide", "Australia/Brisbane"),
    *("Australia/Sydney", "Pacific/Auckland"),
)


def zones(chosen: str) -> list[tuple[str, str]]:
    """Return pairs of zone and label, including the chosen zone."""
    all_of_them = ZONES if chosen in ZONES else (chosen, *ZONES)
    return [(zone, zone.replace("_", " ")) for zone in all_of_them]
