import pytest

from models.text.english import normalise

READINGS = [
    ("It cost $25.50 in 1995.", "It cost twenty five dollars and fifty cents in nineteen ninety five."),
    ("From 2007 to 2010, and 1905.", "From two thousand seven to twenty ten, and nineteen oh five."),
    ("In 1900 and 2000.", "In nineteen hundred and two thousand."),
    ("the 1990s, the '80s", "the nineteen nineties, the eighties"),
    ("On May 5, 1999.", "On May fifth, nineteen ninety nine."),
    ("On 5 March 2021.", "On the fifth of March twenty twenty one."),
    ("On 12/25/2020.", "On December twenty fifth, twenty twenty."),
    ("Feb. 14th", "February fourteenth"),
    ("At 10:30 and 7:05.", "At ten thirty and seven oh five."),
    ("At 12:00.", "At twelve o'clock."),
    ("1/2 cup, 3/4 inch", "one half cup, three quarters inch"),
    ("2 1/2 hours, 1½ cups", "two and a half hours, one and a half cups"),
    ("Call 555-123-4567.", "Call five five five, one two three, four five six seven."),
    ("Call (212) 555-0199.", "Call two one two, five five five, zero one nine nine."),
    ("50% off", "fifty percent off"),
    ("3.14, 0.05", "three point one four, zero point zero five"),
    ("-7 degrees", "minus seven degrees"),
    ("20°C, 98.6°F", "twenty degrees Celsius, ninety eight point six degrees Fahrenheit"),
    (
        "1,234,567 people",
        "one million two hundred thirty four thousand five hundred sixty seven people",
    ),
    ("1234 cats", "one thousand two hundred thirty four cats"),
    ("the 1st, 2nd, 3rd and 21st", "the first, second, third and twenty first"),
    ("the 100th", "the one hundredth"),
    ("5 km, 10kg, 1 kg", "five kilometers, ten kilograms, one kilogram"),
    ("60 mph, 5 GB", "sixty miles per hour, five gigabytes"),
    ("3 m, 20 cm²", "three meters, twenty square centimeters"),
    ("He is 5'10\".", "He is five feet ten."),
    ("Dr. Brown met Mrs. Jones.", "Doctor Brown met Missus Jones."),
    ("St. Paul, Elm St.", "Saint Paul, Elm Street."),
    ("Henry VIII, World War II", "Henry the eighth, World War two"),
    ("rock & roll", "rock and roll"),
    ("me@example.com", "me at example dot com"),
    ("https://www.example.org/a_b", "example dot org slash a underscore b"),
    ("MP3, H2O, 4K", "MP three, H two O, four K"),
    ("pages 10-20", "pages ten to twenty"),
    ("1914-1918", "nineteen fourteen to nineteen eighteen"),
    ("£5, €3.20, ¥500", "five pounds, three euros and twenty cents, five hundred yen"),
    ("$1.5 million, $3M", "one point five million dollars, three million dollars"),
    ("$0.99, $1, 5¢", "ninety nine cents, one dollar, five cents"),
    ("$5-10, 100 €", "five to ten dollars, one hundred euros"),
    ("No. 5, #1", "Number five, number one"),
    ("e.g. apples, i.e. fruit", "for example apples, that is fruit"),
    ("5 x 3 = 15", "five times three equals fifteen"),
    ("2+2=4", "two plus two equals four"),
    ("v2.0.1", "v two point zero point one"),
    ("007", "zero zero seven"),
    ("Flight 747, Room 101", "Flight seven forty seven, Room one oh one"),
    ("24/7, 9/11", "twenty four seven, nine eleven"),
    ("a 10-year-old", "a ten-year-old"),
    ("Ratio 16:9.", "Ratio sixteen to nine."),
    ("press * or #", "press star or pound"),
    ("It's 5 o'clock; don't!", "It's five o'clock; don't!"),
]


@pytest.mark.parametrize(("written", "words"), READINGS)
def test_numbers_and_signs_are_written_out(written, words):
    assert normalise(written) == words


@pytest.mark.parametrize("words", [words for _, words in READINGS])
def test_words_are_left_as_they_are(words):
    assert normalise(words) == words
