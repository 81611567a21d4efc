"""Package: the code of a custom connector, stored in Fivetran."""
