"""The demo world `shop`: a retailer with stores and a website, at any size, whose truth is known."""
