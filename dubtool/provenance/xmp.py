"""XMP that says how pictures were made: IPTC's Digital Source Type (ISO 16684-1; IPTC Photo Metadata Standard)."""

from __future__ import annotations

import re
from html import unescape
from xml.sax.saxutils import escape, quoteattr

from dubtool import __version__

# A real recording in which parts are made by a trained network.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    Iptc4xmpExt:DigitalSourceType={kind}
    xmp:CreatorTool={tool}>
   <dc:description>
    <rdf:Alt>
     <rdf:li xml:lang="x-default">{description}</rdf:li>
    </rdf:Alt>
   </dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_TYPE = re.compile(r"DigitalSourceType(?:=\"([^\"]*)\"|>\s*([^<\s]*))")
_TEXT = re.compile(r"<rdf:li xml:lang=\"x-default\">([^<]*)</rdf:li>")


def packet(description: str) -> bytes:
    """An XMP packet. description: one line of what was made, and by what."""
    text = _PACKET.format(
        kind=quoteattr(DIGITAL_SOURCE_TYPE), tool=quoteattr(f"dubtool {__version__}"), description=escape(description)
    )
    return text.encode("utf-8")


def source_type(xmp: bytes) -> str | None:
    """The Digital Source Type that a packet of anybody's tells; None if it tells none."""
    found = _TYPE.search(xmp.decode("utf-8", "replace"))
    return unescape(found[1] or found[2] or "") or None if found else None


def description(xmp: bytes) -> str | None:
    """The description of a packet; None if it has none."""
    found = _TEXT.search(xmp.decode("utf-8", "replace"))
    return unescape(found[1]) if found else None
