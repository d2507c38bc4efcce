"""The demo world `profiles`: a food retailer's customers in one wide file, without orders."""
