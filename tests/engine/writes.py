"""The writes to Fivetran that a run makes, as faults name them."""

GROUP = {"method": "POST", "path": "^/v1/groups$"}
DESTINATION = {"method": "POST", "path": "^/v1/destinations$"}
CREATE = {"method": "POST", "path": "^/v1/connections$"}
TEST = {"method": "POST", "path": "^/v1/connections/[^/]+/test$"}
DESTINATIONS_TEST = {"method": "POST", "path": "^/v1/destinations/[^/]+/test$"}
SYNC = {"method": "POST", "path": "/sync$"}
CHANGE = {"method": "PATCH", "path": "^/v1/connections/[^/]+$"}
RELOAD = {"method": "POST", "path": "/schemas/reload$"}
SELECT = {"method": "PATCH", "path": "/schemas$"}
DELETE = {"method": "DELETE", "path": "^/v1/connections/"}
