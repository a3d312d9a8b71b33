"""Which format and encoding a scraper gets, by the headers that real ones send."""

import pytest

from exporter.daemon.routes import accepts_gzip, negotiate
from exporter.metrics.exposition import OPENMETRICS, TEXT, Format

OM = "application/openmetrics-text"

PROMETHEUS_3 = (
    f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.6,{OM};version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_NATIVE_HISTOGRAMS = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
    f"q=0.6,{OM};version=1.0.0;q=0.5,{OM};version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,"
    "*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        # Prometheus 2.42, and 3.x with its UTF-8 names
        (
            f"{OM};version=1.0.0,{OM};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPENMETRICS,
        ),
        (PROMETHEUS_3, OPENMETRICS),
        # Prometheus 3.x with native histograms asks for protobuf first, which we do not have
        (PROMETHEUS_3_NATIVE_HISTOGRAMS, OPENMETRICS),
        # scrape_protocols: [PrometheusText0.0.4]
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", TEXT),
        (f"text/plain;version=0.0.4;q=0.9,{OM};version=1.0.0;q=0.5", TEXT),
        # browsers, curl, nothing at all
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", TEXT),
        ("*/*", TEXT),
        ("", TEXT),
        ("text/plain", TEXT),
        ("application/json", TEXT),
        # versions of OpenMetrics that we do not serve must not be claimed
        (f"{OM};version=0.0.1", TEXT),
        (f"{OM};version=2.0.0", TEXT),
        (f"{OM};version=2.0.0;q=0.9,{OM};version=1.0.0;q=0.5", OPENMETRICS),
        (OM, OPENMETRICS),
        (f'{OM}; version="1.0.0"; charset=utf-8', OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", OPENMETRICS),
        (f"  {OM} ; version = 1.0.0 ", OPENMETRICS),
        # q
        (f"{OM};version=1.0.0;q=0", TEXT),
        (f"{OM};version=1.0.0;q=0.5,text/plain;q=0.5", TEXT),
        (f"{OM};version=1.0.0;q=0.51,text/plain;q=0.5", OPENMETRICS),
        (f"{OM};version=1.0.0;q=abc", TEXT),
        (f"{OM};version=1.0.0;q=nan", TEXT),
        (f"{OM};version=1.0.0;q=inf", TEXT),
        (f"{OM};version=1.0.0;q=1e0", TEXT),
        (f"{OM};version=1.0.0;q=0.1_0", TEXT),
        (f"{OM};version=1.0.0;q=\u0661", TEXT),
        (f"{OM};version=1.0.0;q=0.", TEXT),
        (f"{OM};version=1.0.0;q=1.000", OPENMETRICS),
        (f"{OM};version=1.0.0;q=-1", TEXT),
        (f"{OM};version=1.0.0;q=", TEXT),
        # malformed
        (",,;;=;q=;", TEXT),
        (";" * 1000, TEXT),
        ("\x00\xff", TEXT),
        ("application/openmetrics-textual;version=1.0.0", TEXT),
    ],
)
def test_the_format_is_the_one_asked_for(accept: str, format_: Format) -> None:
    assert negotiate(accept) is format_


@pytest.mark.parametrize(
    ("accept_encoding", "is_accepted"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("deflate, br", False),
        ("GZIP", True),
        ("x-gzip", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0", False),
        ("gzip; q=0.001", True),
        ("gzip;q=1.0, identity;q=0.5", True),
        ("*;q=0", False),
        ("identity, *;q=0", False),
        # what is named counts, and * is about everything else, in whatever order
        ("gzip;q=0, *", False),
        ("*, gzip;q=0", False),
        ("*;q=0, gzip", True),
        ("gzip;q=abc", False),
        (",;q=1,", False),
        ("gzippy", False),
    ],
)
def test_gzip_is_sent_where_it_is_accepted(accept_encoding: str, is_accepted: bool) -> None:
    assert accepts_gzip(accept_encoding) is is_accepted
