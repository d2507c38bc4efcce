"""The report: one HTML file that needs nothing but a browser."""

from regulars.present.report.page import report_html

__all__ = ["report_html"]
