"""Hard English readings, as reference grammars and style guides say them; what does not hold is listed as a limit."""

import pytest

from models.text import english, read
from models.text.symbols import PAUSES, WORD_BORDER

READINGS = [
    # numbers
    ("I have 0 apples and 13 pears.", "I have zero apples and thirteen pears."),
    ("The village has 40,012 inhabitants.", "The village has forty thousand twelve inhabitants."),
    ("It weighs 1,000,000 tons.", "It weighs one million tons."),
    ("Chapter 12, page 345.", "Chapter twelve, page three hundred forty five."),
    ("Pi is about 3.14159.", "Pi is about three point one four one five nine."),
    ("The rate fell by 0.25%.", "The rate fell by zero point two five percent."),
    ("It was -15 °C outside.", "It was minus fifteen degrees Celsius outside."),
    ("They won 3-2 in the end.", "They won three to two in the end."),
    ("A 9-to-5 job.", "A nine-to-five job."),
    ("COVID-19 and the F-16.", "COVID-nineteen and the F-sixteen."),
    ("A 4×4 truck.", "A four by four truck."),
    ("B2B sales of CO2 over 5G.", "B two B sales of CO two over five G."),
    ("Version 10.15.7 is out.", "Version ten point fifteen point seven is out."),
    ("The H.323 and X.509 standards.", "The H three twenty three and X five oh nine standards."),
    ("A Boeing 737 landed.", "A Boeing seven thirty seven landed."),
    # ordinals
    ("He came 22nd out of 113.", "He came twenty second out of one hundred thirteen."),
    ("The 112th Congress.", "The one hundred twelfth Congress."),
    ("The 1,001st night.", "The one thousand first night."),
    ("She lives on 5th Ave.", "She lives on fifth Avenue."),
    ("A 2nd-floor office.", "A second-floor office."),
    # years
    ("He was born in 1871 and died in 1945.", "He was born in eighteen seventy one and died in nineteen forty five."),
    ("In 2024 they moved.", "In twenty twenty four they moved."),
    ("In 2001 they met.", "In two thousand one they met."),
    ("In 1066 William won.", "In ten sixty six William won."),
    ("Caesar died in 44 BC.", "Caesar died in forty four BC."),
    ("The late 1960s.", "The late nineteen sixties."),
    ("In her 30s she liked the '90s.", "In her thirties she liked the nineties."),
    ("The 1800s and the 2000s.", "The eighteen hundreds and the two thousands."),
    ("The 1990's music.", "The nineteen nineties music."),
    ("The war of 1939–45.", "The war of nineteen thirty nine to forty five."),
    ("A house built c. 1850.", "A house built circa eighteen fifty."),
    # money
    ("It costs $5.", "It costs five dollars."),
    ("He found a $20 bill.", "He found a twenty dollar bill."),
    ("The phone is $1,299.99.", "The phone is one thousand two hundred ninety nine dollars and ninety nine cents."),
    ("They raised $2.5 billion.", "They raised two point five billion dollars."),
    ("Tea is £1.50 or €1.", "Tea is one pound and fifty pence or one euro."),
    ("It is worth $0.01.", "It is worth one cent."),
    ("She makes $50k a year.", "She makes fifty thousand dollars a year."),
    ("A $3-million house.", "A three million dollar house."),
    # times
    ("The train leaves at 6:45 p.m. today.", "The train leaves at six forty five P.M. today."),
    ("Meet me at 7 am.", "Meet me at seven A.M."),
    ("At 9:00 a.m. sharp.", "At nine A.M. sharp."),
    ("From 10:00 to 11:30.", "From ten o'clock to eleven thirty."),
    ("It began at 14:05.", "It began at fourteen oh five."),
    ("Open 9 a.m.–5 p.m. daily.", "Open nine A.M. to five P.M. daily."),
    ("The film lasts 2h 15min.", "The film lasts two hours fifteen minutes."),
    # dates
    ("On July 4, 1776, they signed.", "On July fourth, seventeen seventy six, they signed."),
    ("On 11 November 1918 it ended.", "On the eleventh of November nineteen eighteen it ended."),
    ("On Sept. 11, 2001.", "On September eleventh, two thousand one."),
    ("On 2024-03-15 we met.", "On March fifteenth, twenty twenty four we met."),
    ("It was due 3/7/2019.", "It was due March seventh, twenty nineteen."),
    ("Mon., Jan. 1.", "Monday, January first."),
    ("The 4th of July.", "The fourth of July."),
    ("Since May 2008.", "Since May two thousand eight."),
    # fractions
    ("Add 3/4 cup of milk.", "Add three quarters cup of milk."),
    ("Run 1 1/2 miles.", "Run one and a half miles."),
    ("About ⅔ of voters.", "About two thirds of voters."),
    ("A board of 5 3/8 inches.", "A board of five and three eighths inches."),
    # units
    ("She weighs 70 kg.", "She weighs seventy kilograms."),
    ("A 5 kg bag.", "A five kilogram bag."),
    ("At 100 km/h.", "At one hundred kilometers per hour."),
    ("He is 6 ft 2 in tall.", "He is six feet two inches tall."),
    ("Pour 500 mL or 8 oz.", "Pour five hundred milliliters or eight ounces."),
    ("1 lb and 3 lbs.", "One pound and three pounds."),
    ("16 GB at 2.4 GHz.", "Sixteen gigabytes at two point four gigahertz."),
    ("A current of 220 V.", "A current of two hundred twenty volts."),
    ("A flat of 30 m².", "A flat of thirty square meters."),
    ("Turn 90° left at 72°F.", "Turn ninety degrees left at seventy two degrees Fahrenheit."),
    ("It rose 5–10%.", "It rose five to ten percent."),
    ("It runs at 50 Mbps.", "It runs at fifty megabits per second."),
    ("It falls at 9.8 m/s².", "It falls at nine point eight meters per second squared."),
    # titles and abbreviations
    ("Prof. Higgins and Lt. Columbo.", "Professor Higgins and Lieutenant Columbo."),
    ("Gen. Grant, Sen. Warren and Gov. Brown.", "General Grant, Senator Warren and Governor Brown."),
    ("St. Mary's Church on Main St.", "Saint Mary's Church on Main Street."),
    ("Dr. Lee lives on Mulholland Dr.", "Doctor Lee lives on Mulholland Drive."),
    ("Martin Luther King Jr. spoke.", "Martin Luther King Junior spoke."),
    ("Rev. Green and Capt. Cook.", "Reverend Green and Captain Cook."),
    ("Mt. Everest and Ft. Worth.", "Mount Everest and Fort Worth."),
    ("Smith vs. Jones Ltd.", "Smith versus Jones Limited."),
    ("approx. 20 people, etc.", "approximately twenty people, et cetera."),
    ("See fig. 3, vol. 2, pp. 10–12.", "See figure three, volume two, pages ten to twelve."),
    ("Coffee w/o milk.", "Coffee without milk."),
    ("The Dept. of Health.", "The Department of Health."),
    ("No. 10 Downing St.", "Number ten Downing Street."),
    ("salt & pepper by AT&T", "salt and pepper by AT&T"),
    # Roman numerals
    ("Louis XIV and Elizabeth II.", "Louis the fourteenth and Elizabeth the second."),
    ("Pope John Paul II.", "Pope John Paul the second."),
    ("Tsar Nicholas II and Peter I.", "Tsar Nicholas the second and Peter the first."),
    ("World War I, Chapter IV.", "World War one, Chapter four."),
    ("Super Bowl LVIII.", "Super Bowl fifty eight."),
    ("Type II diabetes.", "Type two diabetes."),
    ("In the XIX century.", "In the nineteenth century."),
    ("I think, therefore I am.", "I think, therefore I am."),
    # contractions and possessives
    ("It's the dogs' and James's, isn't it?", "It's the dogs' and James's, isn't it?"),
    ("The CEO's 5 o'clock call.", "The CEO's five o'clock call."),
    ("Rock 'n' roll, y'all!", "Rock 'n' roll, y'all!"),
    # e-mail, web, hashtags
    ("Write to john.smith@mail.co.uk.", "Write to john dot smith at mail dot co dot uk."),
    ("Visit www.bbc.co.uk/news today.", "Visit bbc dot co dot uk slash news today."),
    ("Open index.html in Node.js.", "Open index dot html in Node dot js."),
    ("Follow @nasa and #MoonLanding.", "Follow at nasa and hashtag Moon Landing."),
    ("Call +1 (212) 555-0147.", "Call plus one, two one two, five five five, zero one four seven."),
    ("3 + 4 = 7", "three plus four equals seven"),
    # various
    ("He weighs 12 st.", "He weighs twelve stone."),
    ("The 7:30 a.m. flight.", "The seven thirty A.M. flight."),
    ("A 15-minute walk.", "A fifteen-minute walk."),
    ("It is 3x faster.", "It is three times faster."),
    ("From $10–15 million.", "From ten to fifteen million dollars."),
    ("Born 12 Aug 1990.", "Born the twelfth of August nineteen ninety."),
    ("Sales hit 1.2M.", "Sales hit one point two million."),
    ("King George VI died.", "King George the sixth died."),
    ("Room 204 is free.", "Room two oh four is free."),
    ("The score was 21–14.", "The score was twenty one to fourteen."),
    ("Op. 27, No. 2.", "Opus twenty seven, number two."),
    ("She is 5'4\" tall.", "She is five feet four tall."),
    ("He got 8/10.", "He got eight out of ten."),
    ("In the 1st half.", "In the first half."),
    ("Tel. 020 7946 0958.", "Telephone zero two zero, seven nine four six, zero nine five eight."),
    ("It's 6°C.", "It's six degrees Celsius."),
    ("J. R. R. Tolkien", "J. R. R. Tolkien"),
    ("In 1900, Queen Victoria reigned.", "In nineteen hundred, Queen Victoria reigned."),
    ("Add 2 tbsp sugar.", "Add two tablespoons sugar."),
    ("King Charles and Queen Victoria I met.", "King Charles and Queen Victoria I met."),
    ("Class Concept of Chapter Income.", "Class Concept of Chapter Income."),
]

# Readings that do not hold yet; one that begins to hold fails here until it is taken off the list.
LIMITS = {"He weighs 12 st.", "He got 8/10."}

# (sentence, one of its words, how it sounds): whole without stress, or a part with its stressed vowel.
HETERONYMS = [
    ("I read that book last year.", "read", "ɹɛd"),
    ("I like to read books.", "read", "ɹid"),
    ("Have you read it?", "read", "ɹɛd"),
    ("Did you read it?", "read", "ɹid"),
    ("The book was read by millions.", "read", "ɹɛd"),
    ("The pipes are made of lead.", "lead", "lɛd"),
    ("She will lead the team.", "lead", "lid"),
    ("He took the lead.", "lead", "lid"),
    ("Lead is a heavy metal.", "Lead", "lɛd"),
    ("They live in Paris.", "live", "lɪv"),
    ("We watched a live concert.", "live", "laɪv"),
    ("The show was broadcast live.", "live", "laɪv"),
    ("Where do you live?", "live", "lɪv"),
    ("A cat has nine lives.", "lives", "laɪvz"),
    ("She lives here.", "lives", "lɪvz"),
    ("She broke the world record.", "record", "ɹˈɛk"),
    ("They record every call.", "record", "kˈɔɹd"),
    ("We want to record an album.", "record", "kˈɔɹd"),
    ("He gave me a present.", "present", "pɹˈɛz"),
    ("She will present the award.", "present", "zˈɛn"),
    ("All members were present.", "present", "pɹˈɛz"),
    ("I object to that.", "object", "d͡ʒˈɛkt"),
    ("It was a strange object.", "object", "ˈɑb"),
    ("Wait a minute.", "minute", "mˈɪn"),
    ("It took a minute amount of salt.", "minute", "nˈut"),
    ("The content of the book is good.", "content", "kˈɑn"),
    ("She was content with her life.", "content", "tˈɛnt"),
    ("You must bow to the king.", "bow", "baʊ"),
    ("She tied a bow in her hair.", "bow", "boʊ"),
    ("The archer drew his bow.", "bow", "boʊ"),
    ("A white dove flew away.", "dove", "dʌv"),
    ("He dove into the water.", "dove", "doʊv"),
    ("The wind is cold.", "wind", "wɪnd"),
    ("You must wind the clock.", "wind", "waɪnd"),
    ("A tear ran down her cheek.", "tear", "tɪɹ"),
    ("Do not tear the paper.", "tear", "tɛɹ"),
    ("Her eyes filled with tears.", "tears", "tɪɹz"),
    ("Please close the door.", "close", "kloʊz"),
    ("We are close friends.", "close", "kloʊs"),
    ("The shop is close to home.", "close", "kloʊs"),
    ("Use a knife.", "Use", "juz"),
    ("I use it daily.", "use", "juz"),
    ("The use of force is wrong.", "use", "jus"),
    ("It is no use.", "use", "jus"),
    ("I used a knife.", "used", "juzd"),
    ("I used to go there.", "used", "just"),
    ("Please excuse me.", "excuse", "kjˈuz"),
    ("That is no excuse.", "excuse", "kjˈus"),
    ("They bought a big house.", "house", "haʊs"),
    ("We must house the refugees.", "house", "haʊz"),
    ("I refuse to go.", "refuse", "fjˈuz"),
    ("The refuse was collected.", "refuse", "ɹˈɛf"),
    ("The desert is hot.", "desert", "dˈɛz"),
    ("Do not desert me.", "desert", "zˈɜɹt"),
    ("His conduct was poor.", "conduct", "kˈɑn"),
    ("She will conduct the orchestra.", "conduct", "dˈʌkt"),
    ("They signed a contract.", "contract", "kˈɑn"),
    ("Metals contract when they cool.", "contract", "tɹˈækt"),
    ("She won the contest.", "contest", "kˈɑn"),
    ("They contest the result.", "contest", "tˈɛst"),
    ("We saw an increase in price.", "increase", "ˈɪn"),
    ("They will increase the price.", "increase", "kɹˈis"),
    ("You need a permit.", "permit", "pˈɜɹ"),
    ("They will not permit it.", "permit", "mˈɪt"),
    ("The factory can produce cars.", "produce", "dˈus"),
    ("It is a new project.", "project", "pɹˈɑ"),
    ("They went to the protest.", "protest", "pɹˈoʊ"),
    ("A rebel hid here.", "rebel", "ɹˈɛb"),
    ("They will rebel against him.", "rebel", "bˈɛl"),
    ("Change the subject.", "subject", "sˈʌb"),
    ("Police arrested a suspect.", "suspect", "sˈʌs"),
    ("I suspect that he lied.", "suspect", "spˈɛkt"),
    ("It was a perfect day.", "perfect", "pˈɜɹ"),
    ("She wants to perfect her French.", "perfect", "fˈɛkt"),
    ("We made good progress.", "progress", "pɹˈɑɡ"),
    ("They keep separate rooms.", "separate", "sɛpəɹət"),
    ("Please separate the eggs.", "separate", "sɛpəɹeɪt"),
    ("Give me an estimate.", "estimate", "ɛstəmət"),
    ("I estimate the cost.", "estimate", "ɛstəmeɪt"),
    ("He wound the clock.", "wound", "waʊnd"),
    ("The wound healed slowly.", "wound", "wund"),
    ("He plays bass guitar.", "bass", "beɪs"),
    ("They sat in a row.", "row", "ɹoʊ"),
    ("Drug abuse is a problem.", "abuse", "bjˈus"),
    ("They abuse their power.", "abuse", "bjˈuz"),
    ("My Polish friend is here.", "Polish", "poʊlɪʃ"),
    ("You must polish your shoes.", "polish", "pɑlɪʃ"),
    ("He will read the report.", "read", "ɹid"),
    ("She had already read it.", "read", "ɹɛd"),
    ("Lead paint is toxic.", "Lead", "lɛd"),
    ("Who will lead us?", "lead", "lid"),
    ("It was live music.", "live", "laɪv"),
    ("Did they record it?", "record", "kˈɔɹd"),
    ("The record was lost.", "record", "ɹˈɛk"),
    ("I can present it.", "present", "zˈɛn"),
    ("The presents are here.", "presents", "pɹˈɛz"),
    ("No one could object.", "object", "d͡ʒˈɛkt"),
    ("He wound up alone.", "wound", "waʊnd"),
    ("The road winds uphill.", "winds", "waɪndz"),
    ("Strong winds blew.", "winds", "wɪndz"),
    ("She closed the close race.", "close", "kloʊs"),
    ("They use it.", "use", "juz"),
    ("It was put to good use.", "use", "jus"),
    ("Tears fell.", "Tears", "tɪɹz"),
    ("The bandage will tear easily.", "tear", "tɛɹ"),
    ("They conduct tests.", "conduct", "dˈʌkt"),
    ("Cars are an import.", "import", "ˈɪm"),
    ("They import cars.", "import", "pˈɔɹt"),
    ("He is a convict.", "convict", "kˈɑn"),
    ("Exports increased.", "increased", "kɹˈist"),
    ("We export oil.", "export", "spˈɔɹt"),
    ("The houses are old.", "houses", "haʊzɪz"),
    ("An invalid argument.", "invalid", "vˈæl"),
    ("Attribute it to luck.", "Attribute", "tɹˈɪb"),
    ("Minute by minute.", "minute", "mˈɪn"),
    ("The table of contents.", "contents", "kˈɑn"),
]
UNHEARD = set()  # sentences whose heteronym is misread

INITIALISMS = [
    ("the FBI", "ði ˌɛfbˌiˈaɪ"),
    ("the USA", "ðə jˌuˌɛsˈeɪ"),
    ("a PhD", "ə pˌiˌeɪt͡ʃdˈi"),
    ("NASA", "nˈæsə"),
    ("UNESCO", "junˈɛskoʊ"),
    ("GPU", "d͡ʒˌipˌijˈu"),
    ("CEOs", "sˌiˌiˈoʊz"),
    ("Ms. Jones", "mˈɪz d͡ʒˈoʊnz"),
    ("James's", "d͡ʒˈeɪmzɪz"),
    ("the dogs' bowls", "ðə dˈɔɡz bˈoʊlz"),
    ("They're", "ðˌɛɹ"),
    ("AT&T", "ˌeɪtˈi ænd tˈi"),
]
UNSPELT = set()


def reading(text):
    return " ".join(sentence.words for sentence in read(text, "en"))


def sound_of(word, sentence):
    """Phones of one word of a sentence."""
    words = "".join(WORD_BORDER if phone in PAUSES else phone for phone in english.phones(sentence)).split(WORD_BORDER)
    return words[sentence.rstrip("?.!").split().index(word)]


def unstressed(phones):
    return phones.replace("ˈ", "").replace("ˌ", "")


@pytest.mark.parametrize(("text", "expected"), READINGS)
def test_text_is_read_as_an_educated_person_reads_it(text, expected):
    said = reading(text)
    assert (said.casefold() == expected.casefold()) != (text in LIMITS), said


@pytest.mark.parametrize(("sentence", "word", "expected"), HETERONYMS)
def test_heteronym_sounds_as_its_part_of_speech(sentence, word, expected):
    said = sound_of(word, sentence)
    holds = expected in said if "ˈ" in expected else expected == unstressed(said)
    assert holds != (sentence in UNHEARD), said


@pytest.mark.parametrize(("text", "expected"), INITIALISMS)
def test_initialisms_and_possessives_sound_right(text, expected):
    said = "".join(english.phones(text))
    assert (said == expected) != (text in UNSPELT), said


def test_nearly_all_hard_readings_hold():
    n_readings = len(READINGS) + len(HETERONYMS) + len(INITIALISMS)
    assert len(LIMITS | UNHEARD | UNSPELT) <= 0.05 * n_readings
    assert len(READINGS) >= 80


def test_limits_are_of_the_tables():
    assert {text for text, _ in READINGS} >= LIMITS
    assert {sentence for sentence, *_ in HETERONYMS} >= UNHEARD
    assert {text for text, _ in INITIALISMS} >= UNSPELT
