"""Reviews that people do elsewhere: in a workbook or in Label Studio."""
