"""The wiring: inputs in event-time order through entities, detectors and incidents into the state, tick by tick.

A tick is 10 s of event time. In each: resolve who is who, let every detector score, link what they found, then let them
learn, except from what was flagged. No clock is read in between, so a replay gives what the live sensor gave. This
package alone knows every kind of component.
"""
