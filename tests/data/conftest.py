from hypothesis import settings

# Machines differ in speed, and the first example of a property often pays for an import.
settings.register_profile("data", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("data")
