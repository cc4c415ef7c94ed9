//! attestar as its users run it: one file a story.

mod approve;
mod audit;
mod backup;
mod capture;
mod ddl;
mod demo;
mod diff;
mod diff_components;
mod docs;
mod every_byte;
mod faults;
mod filing;
mod forge;
mod gate;
mod gate_bad_input;
mod hash;
mod hostile_age;
mod hostile_attestations;
mod hostile_frames;
mod hostile_manifests;
mod hostile_signatures;
mod hostile_tar;
mod hostile_waivers;
mod init;
mod kept;
mod keys;
mod notes;
mod passphrases;
#[path = "../postgres/mod.rs"]
mod postgres;
mod processes;
mod provenance;
mod real;
mod released;
#[path = "../repository/mod.rs"]
mod repository;
mod sbom;
mod sbom_bad_input;
mod schemas;
mod seal;
mod shell;
mod signers;
mod stages;
mod stores;
mod waive;
mod world;
