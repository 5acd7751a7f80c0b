"""`reenact`: let a portrait follow the head and face of a driver."""
