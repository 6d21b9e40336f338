"""The networks on other machines: a site asks replicas of them, one sentence at a time.

wire.py     what goes between both: values and arrays, never pickle
remote.py   RemoteCloner: the site's side, in place of a VoiceCloner
replica.py  Replica: the networks' side, behind any HTTP server; ray_serve.py puts it behind Ray Serve
"""
