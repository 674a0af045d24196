"""Orders of steps that weigh more than the steps alone: explicit log odds, which a configuration may change.

What each means is in `sensor.incidents.sequence`. In decibans; assumed, not measured: the method in force names them.
"""

SEQUENCES: dict[str, float] = {
    "denied_then_success": 10.0,
    "success_in_rare_place": 10.0,
    "rule_after_entry": 15.0,
    "mass_access": 10.0,
    "sprayed_success": 15.0,
    "click_then_success": 10.0,
}
