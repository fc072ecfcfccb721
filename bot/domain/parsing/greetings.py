"""Words before and after an order that mean nothing: greetings, addresses, thanks, pictures."""

from __future__ import annotations

import re

ADDRESS = r"<(?:@[^<>]*|![^<>]*)>|@[\w.-]+"

_HELLO = (
    "hi+|hiya|hello+|hey+a?|hallo|hoi|hei|hej|hejsan|moi|moin(?: moin)?|servus|tach|salut|coucou|bonjour|bonsoir|hola"
    "|buenas|olá|oi|ciao|salve|ahoj|cześć|howdy|sup|yo|gm|greetings|merhaba|selam|halo|xin chào|jambo|namaste"
    "|grü(?:ß|ss) gott|grüezi|good (?:morning|day|afternoon|evening)|morning|evening|guten (?:morgen|tag|abend)"
    "|bom dia|boa (?:tarde|noite)|buenos días|buenas (?:tardes|noches)|buongiorno|buonasera|dzień dobry|dobrý den"
    "|god (?:morgon|morgen|dag)|goede(?:morgen|ndag|navond)|selamat (?:pagi|siang|malam)"
    "|привет|здравствуйте|добр(?:ый день|ое утро|ый вечер)|привіт|שלום|مرحبا|السلام عليكم|नमस्ते|สวัสดี"
    "|你好|您好|早上好|早安|大家好|嗨|こんにちは|こんばんは|おはよう(?:ございます)?|お疲れ様です|안녕하세요|안녕"
)
_COURTESY = (
    "please|pls|plz|kindly|bitte|por favor|per favore|s['’]il (?:te|vous) pla[iî]t|svp|stp|prosím|proszę|lütfen|tolong"
    "|пожалуйста|请|麻烦|お願いします|すみません|부탁합니다|thanks|thank you|thx|cheers|danke|merci|gracias|grazie"
    "|obrigad[oa]|tack|спасибо|谢谢|ありがとう|감사합니다|ok|okay|dear|fyi|urgent|sos|emergency"
)
_EVERYBODY = "there|all|team|folks|everyone|everybody|guys|bot|oncall|on-call|again|friend|friends"
_NO_NAME = "no|not|nope|never|don['’]?t|dont|do|stop|wait|hold|cancel|nein|nicht|non|if|why|how|what|who|when"

_NAME = rf"(?!(?:{_NO_NAME})\b)[^\W\d_]+"

_FRIENDLY = (
    "wave|pray|rotating_light|fire|eyes|sos|thread|point_right|point_down|robot_face|robot|camera|camera_with_flash"
    "|floppy_disk|alarm_clock|bell|mega|loudspeaker|smile|smiley|slightly_smiling_face|blush|grin|wink|tada|sparkles"
    "|rocket|zap|ambulance|fire_engine|bow|man-bowing|woman-bowing|handshake|sunny|coffee|heart|pager|telephone_receiver"
)
"""Emoji that greet, ask or call for attention. Every other one may say no, or that something is an example."""
_FRIENDLY_SIGNS = "👋🙏🚨🔥👀🆘🧵👉👇🤖📷📸💾⏰🔔📣📢🙂😀😃😄😊😉🎉✨🚀⚡🚑🚒🙇🤝☀☕❤📟📞"
_TONES = "\\ufe0f\\U0001f3fb-\\U0001f3ff"
_EMOJI = rf":(?:{_FRIENDLY}):(?::skin-tone-[2-6]:)?|[{_FRIENDLY_SIGNS}][{_TONES}]*"

GREETING = (
    rf"(?:(?:{_HELLO})(?: (?:(?:{_EVERYBODY})|{_NAME}(?: {_NAME})?(?=[,!:，！：])))*|{_COURTESY}"
    rf"|(?:{_EVERYBODY})(?=[:,，：])|{_EMOJI})"
)
"""A greeting, perhaps of a person by name (`hi bob,`), a courtesy, or a friendly emoji. Case does not count."""

_NEGATIVE = (
    "no_entry|no_entry_sign|x|negative_squared_cross_mark|no_good|man-gesturing-no|woman-gesturing-no|thumbsdown|-1"
    "|stop_sign|octagonal_sign|question|grey_question|hand|raised_hand|back|warning|construction|stopwatch|thinking_face"
)
_NEGATIVE_SIGNS = "⛔🚫❌❎🙅👎🛑❓❔✋⚠🚧🤔"
_AGAINST_FIRST = re.compile(
    r"(?:(?:oh|ah|hm+|ok(?:ay)?|please|pls|sorry|but|and|so|well|actually|edit|update|ps|p\.s|uh)\b[\s,.:!…–—-]*)*"
    r"(?:(?:no(?! (?:rush|hurry|worries|problem|pressure))|not(?! urgent)|nope|nah|never|don['’]?t|do not|stop|wait"
    r"|abort|cancel|hold|undo|ignore|disregard|belay|revert|oops|whoops|wrong|only if|unless|except|instead|kidding|jk"
    r"|-1|nein|nicht|doch nicht|stopp|halt|warte|non|attends|annule|arr[eê]te|espera|cancela|aspetta|annulla"
    r"|нет|стоп|не|отмена)(?![\w'’-])|取消|等等|等一下|不要|停|やめて|待って|취소)",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"\b(?:never ?mind|not yet|no[,!.… ]+wait|hold (?:on|off)|just kidding|changed my mind|my (?:bad|mistake)"
    r"|(?:cancel|scratch|forget|ignore|undo|stop|disregard|belay|revert|scrap|drop) (?:that|this|it|the above|me|all)"
    r"|(?:don['’]?t|do not|please not|not) (?:do|run|create|make|start|take|execute|delete|snapshot|grant|revoke"
    r"|approve|touch|go|use)"
    r"|wrong (?:disk|channel|server|one|id|project|person|window|thread)|only if|unless)\b"
    rf"|^\W*:(?:{_NEGATIVE}):|[{_NEGATIVE_SIGNS}]",
    re.IGNORECASE,
)
_ONLY_A_QUESTION = re.compile(
    r"\W*(?:(?:right|ok|okay|yes|no|correct|sure|really|good|or|true|huh|eh)\W*)?[?？؟][\s?？!]*"
)

_THANKS = (
    "thanks thank thx ty tyvm ta cheers please pls plz now asap kindly just ok okay great cool nice good lovely",
    "you u very much so many a lot in advance again all team folks everyone everybody guys there to for your that bot",
    "perfect hi hello hey bye cc /cc fyi +1 and & best regards br danke schön dank vielen bitte merci beaucoup bien",
    "help gracias muchas grazie mille obrigado obrigada tack спасибо пожалуйста 谢谢 谢谢大家 多谢 请 ありがとう",
    "辛苦了 ありがとうございます お願いします よろしくお願いします 감사합니다",
)
_WORDS = frozenset(word for words in _THANKS for word in words.split())
_PARTS = re.compile(rf"{ADDRESS}|:[a-z0-9_+'-]+:|[^\s,;.!…，。！、:：)(*_~-]+|\S", re.IGNORECASE)
_MEANINGLESS = re.compile(rf"(?:{ADDRESS}|:[a-z0-9_+'-]+:|[^\w&+]+)", re.IGNORECASE)


def speaks_against(line: str) -> bool:
    """Whether a line below an order takes it back, doubts it, or sets a condition that the bot can't look after."""
    said = line.strip().lstrip("*_~>•◦- ")
    return bool(_AGAINST_FIRST.match(said) or _AGAINST.search(said) or _ONLY_A_QUESTION.fullmatch(said)) or (
        line.strip() == "-1"
    )


def is_courtesy(line: str) -> bool:
    """Whether a line is nothing but thanks, greetings, addresses and pictures."""
    if speaks_against(line) or "```" in line:
        return False
    parts = _PARTS.findall(line)
    return all(_MEANINGLESS.fullmatch(part) or part.casefold() in _WORDS for part in parts)
