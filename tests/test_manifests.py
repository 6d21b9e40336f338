"""Trees of the shape of open corpora become manifests; odd files in them are counted, never fatal."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from models.training import corpus, manifests
from models.training.manifests import Builder, NothingFound, Row, build, read_rows

RATE = 16_000
COMMON_VOICE = "client_id\tpath\tsentence_id\tsentence\tup_votes\tdown_votes\tlocale"


def sound(path: Path, seconds: float = 0.5, channels: int = 1, loudness: float = 0.3) -> Path:
    """A buzz in the format that the name asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buzz = loudness * np.sign(np.sin(2 * np.pi * 120 * np.arange(int(seconds * RATE)) / RATE))
    soundfile.write(path, np.repeat(buzz[:, None], channels, axis=1), RATE)
    return path


def words(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return path


def said(path: Path, text: str, **changes) -> None:
    """A recording with its text beside it."""
    words(sound(path, **changes).with_suffix(".txt"), text)


def taken(layout: str, root: Path, **changes) -> list[tuple[str, str, str, str]]:
    """Path, speaker, language and text of each row; the manifest is beside the corpus, nothing is left out."""
    rows, left_out = build(Builder(layout, root.parent / "metadata.csv", **changes), root)
    assert not left_out
    assert {row.source for row in rows} == {layout}
    return [(row.path, row.speaker, row.language, row.text) for row in rows]


def left_out(layout: str, root: Path, **changes) -> dict[str, int]:
    return dict(build(Builder(layout, root / "metadata.csv", **changes), root)[1])


# Layouts


def test_libritts_gives_the_normalised_text(tmp_path):
    chapter = tmp_path / "LibriTTS_R" / "train-clean-100" / "19" / "198"
    sound(chapter / "19_198_000000_000000.wav")
    words(chapter / "19_198_000000_000000.normalized.txt", "Chapter one.")
    words(chapter / "19_198_000000_000000.original.txt", "Chapter I.")
    words(chapter / "19_198.trans.tsv", "19_198_000000_000000\tChapter I.\tChapter one.")
    path = "LibriTTS_R/train-clean-100/19/198/19_198_000000_000000.wav"
    assert taken("libritts", tmp_path / "LibriTTS_R") == [(path, "libritts_19", "en", "Chapter one.")]


def test_vctk_gives_one_microphone_and_finds_its_texts(tmp_path):
    root = tmp_path / "VCTK"
    for microphone in ("mic1", "mic2"):
        sound(root / "wav48_silence_trimmed" / "p225" / f"p225_001_{microphone}.flac")
    words(root / "txt" / "p225" / "p225_001.txt", "Please call Stella.\n")
    words(root / "speaker-info.txt", "ID  AGE  GENDER")
    path = "VCTK/wav48_silence_trimmed/p225/p225_001_mic1.flac"
    assert taken("vctk", root) == [(path, "vctk_p225", "en", "Please call Stella.")]


def test_vctk_counts_the_speaker_without_texts(tmp_path):
    sound(tmp_path / "wav48_silence_trimmed" / "p315" / "p315_001_mic1.flac")
    assert left_out("vctk", tmp_path) == {"no text": 1}


def common_voice(root: Path, *rows: str, columns: str = COMMON_VOICE) -> Path:
    words(root / "ru" / "validated.tsv", "\n".join([columns, *rows]) + "\n", "utf-8-sig")
    return root


def test_common_voice_tells_people_apart_by_client_id(tmp_path):
    root = common_voice(
        tmp_path / "cv",
        f'{"a" * 128}\tcommon_voice_ru_1.mp3\tx\tДа, "конечно".\t2\t0\tru',
        f"{'b' * 128}\tcommon_voice_ru_2.mp3\tx\tНет.\t3\t1\tru",
    )
    for number in (1, 2):
        sound(root / "ru" / "clips" / f"common_voice_ru_{number}.mp3")
    assert taken("common-voice", root) == [
        ("cv/ru/clips/common_voice_ru_1.mp3", "commonvoice_" + "a" * 16, "ru", 'Да, "конечно".'),
        ("cv/ru/clips/common_voice_ru_2.mp3", "commonvoice_" + "b" * 16, "ru", "Нет."),
    ]


def test_clips_of_common_voice_with_few_votes_are_left_out_when_asked(tmp_path):
    common_voice(tmp_path, "a\t1.mp3\tx\tДа.\t2\t0\tru", "a\t2.mp3\tx\tДа.\t4\t0\tru")
    for number in (1, 2):
        sound(tmp_path / "ru" / "clips" / f"{number}.mp3")
    assert left_out("common-voice", tmp_path) == {}
    assert left_out("common-voice", tmp_path, min_votes=3) == {"fewer than 3 votes": 1}


def test_an_old_release_of_common_voice_has_neither_suffix_nor_locale(tmp_path):
    root = common_voice(tmp_path / "cv", "a\t1\tДа.\t2", columns="client_id\tpath\tsentence\tup_votes")
    sound(root / "ru" / "clips" / "1.mp3")
    assert taken("common-voice", root) == [("cv/ru/clips/1.mp3", "commonvoice_a", "ru", "Да.")]


def test_a_broken_line_of_common_voice_is_counted(tmp_path):
    common_voice(tmp_path, "a\t1.mp3", "a\t2.mp3\tx\tДа.\tmany\t0\tru")
    sound(tmp_path / "ru" / "clips" / "2.mp3")
    assert left_out("common-voice", tmp_path) == {"no text": 1}


def m_ailabs(root: Path, book: str, *lines: str) -> Path:
    words(root / book / "metadata.csv", "\n".join(lines) + "\n")
    for line in lines:
        sound(root / book / "wavs" / f"{line.split('|')[0]}.wav")
    return root


def test_m_ailabs_gives_what_was_read_by_whom(tmp_path):
    root = m_ailabs(tmp_path / "ru_RU", "by_book/female/hajdurova/chekhov", "c_01|В 1880 г.|В тысяча восьмисотом.")
    path = "ru_RU/by_book/female/hajdurova/chekhov/wavs/c_01.wav"
    assert taken("m-ailabs", root) == [(path, "mailabs_hajdurova", "ru", "В тысяча восьмисотом.")]


def test_m_ailabs_without_a_third_column_gives_the_second(tmp_path):
    root = m_ailabs(tmp_path / "en_US", "by_book/male/elliot_miller/poisoned_pen", "p_01|It was so.")
    assert [row[1:] for row in taken("m-ailabs", root)] == [("mailabs_elliot_miller", "en", "It was so.")]


def test_in_a_mixed_book_each_clip_is_a_speaker(tmp_path):
    root = m_ailabs(tmp_path / "ru_RU", "by_book/mix/stories", "s_01|Да.|Да.", "s_02|Нет.|Нет.")
    assert [row[1] for row in taken("m-ailabs", root)] == ["mailabs_s_01", "mailabs_s_02"]


def test_only_the_language_asked_for_is_taken(tmp_path):
    for country, language in (("ru_RU", "ru"), ("en_UK", "en"), ("de_DE", None)):
        m_ailabs(tmp_path / country, "by_book/male/reader/book", f"{country}|Да. Yes.")
        if language:
            rows, _ = build(Builder("m-ailabs", tmp_path / "out.csv", language), tmp_path)
            assert {row.language for row in rows} == {language}
    assert left_out("m-ailabs", tmp_path) == {"another language": 1}


def test_sova_does_not_say_who_speaks(tmp_path):
    said(tmp_path / "RuDevices" / "2" / "b" / "dd9262b6.wav", "мне получше стало")
    said(tmp_path / "EngAudiobooksOriginal" / "1" / "a" / "11aa.wav", "it was so")
    assert taken("sova", tmp_path) == [
        (f"{tmp_path.name}/EngAudiobooksOriginal/1/a/11aa.wav", "sova_11aa", "en", "it was so"),
        (f"{tmp_path.name}/RuDevices/2/b/dd9262b6.wav", "sova_dd9262b6", "ru", "мне получше стало"),
    ]


@pytest.mark.parametrize("place", ["wavs", "RUSLAN"])
def test_ruslan_is_one_man_wherever_his_recordings_lie(tmp_path, place):
    root = tmp_path / "ruslan"
    words(root / "metadata_RUSLAN_22200.csv", "000000_RUSLAN|С тревожным чувством | берусь за перо.\n")
    sound(root / place / "000000_RUSLAN.wav")
    path = f"ruslan/{place}/000000_RUSLAN.wav"
    assert taken("ruslan", root) == [(path, "ruslan", "ru", "С тревожным чувством берусь за перо.")]


@pytest.mark.parametrize("name", ["1.wav", "1.flac", "1.mp3", "1.ogg", "ONE.WAV"])
def test_a_folder_is_one_voice(tmp_path, name):
    said(tmp_path / "Anna" / name, "Привет.")
    assert taken("folder", tmp_path / "Anna", language="ru") == [(f"Anna/{name}", "Anna", "ru", "Привет.")]


def test_a_telephones_recording_is_read_too(tmp_path):
    words(tmp_path / "1.txt", "Да.")
    with av.open(str(tmp_path / "1.m4a"), "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=RATE)
        frame = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.3, np.float32), "fltp", "mono")
        frame.sample_rate = RATE
        for _ in range(16):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    ((path, *_),) = taken("folder", tmp_path, language="ru")
    assert path == f"{tmp_path.name}/1.m4a"


# What is odd


def odd_recordings(folder: Path) -> None:
    """One that is good, and one of each kind that is not."""
    said(folder / "good.wav", "Да.")
    sound(folder / "no-text.wav")
    said(folder / "empty-text.wav", " \n")
    said(folder / "no-word.wav", "— ...")
    said(folder / "noise.wav", "Да.")
    (folder / "noise.wav").write_bytes(bytes(range(256)) * 40)
    said(folder / "nothing.wav", "Да.")
    (folder / "nothing.wav").write_bytes(b"")
    said(folder / "no-number.wav", "Да.")
    soundfile.write(folder / "no-number.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    said(folder / "silent.wav", "Да.", loudness=1e-4)
    said(folder / "short.wav", "Да.", seconds=0.2)
    said(folder / "long.wav", "Да.", seconds=20.5)
    words(sound(folder / "cp1251.wav").with_suffix(".txt"), "Да.", "cp1251")
    said(folder / "a|b.wav", "Да.")
    (folder / "._good.wav").write_bytes(b"what an archive left")


def test_what_is_odd_is_left_out_and_counted(tmp_path):
    odd_recordings(tmp_path)
    rows, reasons = build(Builder("folder", tmp_path / "metadata.csv", "ru"), tmp_path)
    assert [row.path for row in rows] == ["good.wav"]
    assert reasons == {
        "no text": 3,
        "the recording cannot be read": 3,
        "silent": 1,
        "shorter than 0.25 s": 1,
        "longer than 20 s": 1,
        "the text is not in UTF-8": 1,
        "its name has a character that the manifest cannot hold": 1,
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\ufeffДа.", "Да."),
        ("One | two|three.", "One two three."),
        ("One\r\n\ttwo.\n", "One two."),
        ('He said: "Yes."', 'He said: "Yes."'),
        ("за+мок", "за+мок"),
    ],
)
def test_a_text_is_one_field_of_one_line(tmp_path, written, read):
    said(tmp_path / "1.wav", written)
    build(Builder("folder", tmp_path / "metadata.csv", "ru"), tmp_path)
    assert [row.text for row in read_rows(tmp_path / "metadata.csv")] == [read]


def test_a_recording_that_the_table_names_but_nobody_has_is_counted(tmp_path):
    words(tmp_path / "metadata_RUSLAN_22200.csv", "000000_RUSLAN|Да.\n\n000001_RUSLAN\n")
    assert left_out("ruslan", tmp_path) == {"no recording": 1, "no text": 1}


@pytest.mark.parametrize("layout", manifests.LAYOUTS)
def test_a_folder_of_another_layout_is_refused(tmp_path, layout):
    words(tmp_path / "readme.txt", "nothing here")
    with pytest.raises(NothingFound, match="holds nothing like this"):
        build(Builder(layout, tmp_path / "metadata.csv", "ru"), tmp_path)


# The manifest


def test_the_trainer_reads_the_manifest_from_another_folder(tmp_path):
    said(tmp_path / "voices" / "Anna" / "1.wav", "Привет.", seconds=1.5, channels=2)
    manifest = tmp_path / "lists" / "anna" / "metadata.csv"
    build(Builder("folder", manifest, "ru"), tmp_path / "voices" / "Anna")
    (clip,) = corpus.read_manifest(manifest)
    assert (clip.speaker, clip.language, clip.text, clip.source) == ("Anna", "ru", "Привет.", "folder")
    waveform = corpus.load_clip(manifest.parent, clip)
    assert waveform.shape == (1.5 * RATE,)
    assert waveform.dtype == np.float32


def test_a_limit_takes_a_fair_draw_and_the_same_again(tmp_path):
    for number in range(40):
        said(tmp_path / f"{number:02}.wav", "Да.")
    draws = [build(Builder("folder", tmp_path / "m.csv", "ru"), tmp_path, limit_hours=5 / 3600)[0] for _ in range(2)]
    assert draws[0] == draws[1]
    assert sum(float(row.seconds) for row in draws[0]) == 5
    assert [row.path for row in draws[0]] != [f"{number:02}.wav" for number in range(10)]


def test_corpora_are_added_to_one_manifest_once(tmp_path):
    manifest = tmp_path / "metadata.csv"
    for voice in ("Anna", "Boris", "Anna"):
        said(tmp_path / voice / "1.wav", "Да.")
        rows, reasons = build(Builder("folder", manifest, "ru"), tmp_path / voice, add=True)
    assert rows == []
    assert reasons == {"already there": 1}
    assert [row.speaker for row in read_rows(manifest)] == ["Anna", "Boris"]


def test_without_add_a_manifest_is_made_anew(tmp_path):
    for voice in ("Anna", "Boris"):
        said(tmp_path / voice / "1.wav", "Да.")
        build(Builder("folder", tmp_path / "metadata.csv", "ru"), tmp_path / voice)
    assert read_rows(tmp_path / "metadata.csv") == [Row("Boris/1.wav", "Boris", "ru", "Да.", "0.50", "folder")]


def test_the_command_reports_what_it_took_and_left_out(tmp_path, capsys):
    said(tmp_path / "1.wav", "Да.", seconds=6)
    sound(tmp_path / "2.wav")
    status = manifests.main(["folder", str(tmp_path), str(tmp_path / "metadata.csv"), "--language", "ru"])
    assert status == 0
    assert capsys.readouterr().err == "1 clips of 1 speakers, 0.1 minutes\nleft out, no text: 1\n"


def test_the_command_fails_when_nothing_was_taken_and_leaves_the_old_manifest(tmp_path):
    sound(tmp_path / "2.wav")
    words(tmp_path / "metadata.csv", "what was there")
    assert manifests.main(["folder", str(tmp_path), str(tmp_path / "metadata.csv"), "--language", "ru"]) == 1
    assert (tmp_path / "metadata.csv").read_text() == "what was there"


def test_the_language_of_a_folder_must_be_given(tmp_path, capsys):
    with pytest.raises(SystemExit):
        manifests.main(["folder", str(tmp_path), str(tmp_path / "metadata.csv")])
    assert "--language" in capsys.readouterr().err
