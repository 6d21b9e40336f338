"""English heteronyms, words spelled alike and pronounced differently, where the tagger is wrong.

A rule is a word in its context and the tag that it has there; the dictionary's reading follows from the tag.
"""

import re
from functools import partial

_NEVER_VERBS = frozenset("be been can could had has have my no that there these this those through will would".split())
_VERB_AFTER = (
    r"(?:i|we|they|who|will|would|can|could|shall|should|may|might|must|'ll)(?: also| n't| not| never| always)?"
)
_VERB_AFTER_DO = r"(?:do|does|did)(?: n't| not)?(?: i| you| we| they| he| she| it)?"
_PLURAL = r"[a-z]{3,}[a-hj-rt-z]s"  # not "business", "this" or "Paris"
_OBJECT = r"(?:when|if|because|against|quickly|slowly|him|her|them|me|us|it|the|an?|their|our|my)"
_DETERMINER = r"(?:the|an?|this|my|your|his|its|our|their|no|any|some|'s)"
_NOUN_BEFORE = r"(?:of|is|was|were|are|in|on|at|for|from|and|or|to|has|had|[.,;:!?)]|$)"
_BE = r"(?:am|'m|is|are|'re|was|were|be|been|being)"
_SEEM = rf"(?:{_BE}|feels?|felt|seem(?:s|ed)?|looks?|looked|remain(?:s|ed)?)"

# Readings that the dictionary lacks, in its alphabet, by tag.
READINGS = {
    "lead": {"DEFAULT": "lˈid", "METAL": "lˈɛd"},
    "bass": {"DEFAULT": "bˈAs", "FISH": "bˈæs"},
    "protest": {"DEFAULT": "pɹˈOtˌɛst", "VERB": "pɹətˈɛst"},
    "resume": {"DEFAULT": "ɹəzˈum", "NOUN": "ɹˈɛzəmˌA"},
    "export": {"DEFAULT": "ˈɛkspˌɔɹt", "VERB": "ɪkspˈɔɹt"},
    "exports": {"DEFAULT": "ˈɛkspˌɔɹts", "VERB": "ɪkspˈɔɹts"},
    "houses": {"DEFAULT": "hˈWzᵻz"},
    "Polish": {"DEFAULT": "pˈOlɪʃ", "VB": "pˈɑlɪʃ"},
}
_METALS = "zinc|copper|tin|mercury|cadmium|gold|silver|iron|arsenic|steel"
# (context, with the word as ~; its tag): the last match wins.  Tokens stand apart: "do n't".
_RULES = [
    (rf"\b(?:have|has|had|'ve|having|{_BE}|gets?|got)(?: \w+ly| n't| not| never| ever| already| also| just| only| all"
     r"| i| you| we| they| he| she| it){0,2} (~read)\b", "VBN"),
    (r"\b(?:i|you|we|they)(?: often| always| usually)? (~read)\b(?=.* (?:every|each) (?:day|night|morning))", "VB"),
    (r"\b(?:made of|made from|of|with|contains?|containing|molten|melted|toxic) (~lead)\b"
     r"(?= (?:[.,;:!?)]|and\b|or\b|in\b|is\b|was\b|from\b)|$)", "METAL"),
    (r"\b(~lead) (?:pipes?|paints?|poisoning|pencils?|bullets?|acid|crystals?|oxide|mines?|weights?|shot|levels?)\b",
     "METAL"),
    (rf"\b(?:{_METALS})(?: ,| and| or| , and) (~lead)\b|\b(~lead)(?: ,| and| or) (?:{_METALS})\b", "METAL"),
    (r"\b(~lead) (?:is|was|melts) an? (?:\w+ )?(?:metal|element|poison)\b", "METAL"),
    (r"\b(~minute) (?:amount|quantit|detail|fraction|particle|difference|change|trace|crack|portion|variation)", "JJ"),
    (rf"(?<!there )\b{_SEEM}(?: \w+ly| n't| not| quite| very| so| never)? (~content)"
     r"(?= (?:with|to|in|and|but|[.,;:!?)])|$)", "JJ"),
    (r"\b(?:sea|striped|largemouth|smallmouth|grilled|fried|catch|caught|catching|fishing for)"
     r"(?: an?| some| the| large| big| huge)* (~bass)\b|\b(~bass) (?:fishing|swims?|swam|fillets?)\b", "FISH"),
    (r"\b(?:(?:takes?|took|taking|made|makes?) an?|low|deep|slight|polite)(?: \w+)? (~bow)\b"
     r"|\b(~bow) (?:of the (?:ship|boat|yacht|vessel|ferry)|and stern|to the|down)\b", "VB"),
    (r"^(~wind) (?:the|up|it|your|his|her)\b|\b(~wind) (?:up|the (?:clock|watch|toy|wool|rope|yarn))\b", "VB"),
    (r"\b(?:road|path|river|stream|trail|track|lane|way|staircase|route) (~winds)\b", "VBZ"),
    (r"^(~tear) (?!gas)|(?<!the )(?<!a )\b(~tear) (?:it|them|up|down|off|apart|open|out|the|this)\b", "VB"),
    (r"(?<!the )(?<!a )(?<!white )\b(~dove) (?:into|in|down|under|off|for|from)\b", "VBD"),
    (r"\b(~live) (?:music|concerts?|shows?|broadcasts?|performances?|streams?|audience|wires?|tv|coverage)\b", "JJ"),
    (r"\b(~refuse) (?:collect|bins?|dump|trucks?|heap|disposal)|\bthe (~refuse)\b", "NN"),
    (r"\b(?:fresh|local|organic|farm|garden|seasonal) (~produce)\b", "NN"),
    (r"\b(?:an?|most|very) (~learned) (?:man|woman|judge|friend|colleague|scholar|society|professor|journal)\b", "JJ"),
    (r"^(~polish) (?:the|your|my|his|her|it|them)\b", "VB"),
]  # fmt: skip
_COMPILED = [(re.compile(pattern.replace("~", ""), re.IGNORECASE), tag) for pattern, tag in _RULES]
_VERB = re.compile(
    rf"\b(?:(?:{_VERB_AFTER}|{_VERB_AFTER_DO}) (\w+)\b|(?<!')\b{_PLURAL} (\w+) {_OBJECT}\b)", re.IGNORECASE
)
_NOUN = re.compile(rf"(?:\b|(?=')){_DETERMINER} (\w+)(?= {_NOUN_BEFORE})", re.IGNORECASE)


class HeteronymTagger:
    """A part-of-speech tagger, corrected by the rules for heteronyms."""

    def __init__(self, tagger, readings: dict) -> None:
        self.tagger = tagger
        self.heteronyms = {
            word for word, reading in readings.items() if isinstance(reading, dict) and {"VERB", "NOUN"} & set(reading)
        } - _NEVER_VERBS
        self.watched = self.heteronyms | frozenset(re.findall(r"~(\w+)", " ".join(pattern for pattern, _ in _RULES)))

    def __call__(self, tokens: list[str]) -> list[str]:
        """A tag (of the Penn Treebank, or one of READINGS) for each token."""
        tags = list(self.tagger(tokens))
        if not any(token.lower() in self.watched for token in tokens):
            return tags
        text = " ".join(tokens)
        starts, at = {}, 0
        for i, token in enumerate(tokens):
            starts[at] = i
            at += len(token) + 1
        change = partial(self._change, tags, starts)
        for pattern, tag, other in ((_NOUN, "NN", "V"), (_VERB, "VB", "NJI")):
            change(pattern, tag, text, lambda word, old, other=other: word in self.heteronyms and old[:1] in other)
        for pattern, tag in _COMPILED:
            change(pattern, tag, text, lambda word, old: True)
        return tags

    @staticmethod
    def _change(tags: list[str], starts: dict[int, int], pattern: re.Pattern, tag: str, text: str, applies) -> None:
        for match in pattern.finditer(text):
            group = match.lastindex
            i = starts.get(match.start(group))
            if i is not None and applies(match[group].lower(), tags[i]):
                tags[i] = tag
