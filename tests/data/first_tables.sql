-- The tables as the first version of the site made them, before there were migrations.

CREATE TABLE voice (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR NOT NULL, 
	name_key VARCHAR NOT NULL, 
	profile BLOB, 
	language VARCHAR, 
	seconds DOUBLE NOT NULL, 
	note VARCHAR NOT NULL, 
	origin VARCHAR, 
	licence VARCHAR, 
	consent_at DATETIME, 
	file_name VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	UNIQUE (name_key)
);

CREATE TABLE ready_voice (
	name VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);

CREATE TABLE pronunciation (
	id INTEGER NOT NULL, 
	word VARCHAR NOT NULL, 
	respelling VARCHAR NOT NULL, 
	language VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (word)
);

CREATE TABLE speech (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	text VARCHAR NOT NULL, 
	voice_id INTEGER, 
	voice_name VARCHAR NOT NULL, 
	profile BLOB, 
	consent_at DATETIME, 
	language VARCHAR, 
	speed DOUBLE NOT NULL, 
	seed INTEGER NOT NULL, 
	format VARCHAR NOT NULL, 
	seconds DOUBLE NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	file_name VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	FOREIGN KEY(voice_id) REFERENCES voice (id) ON DELETE SET NULL
);

CREATE INDEX ix_speech_voice_id ON speech (voice_id);

