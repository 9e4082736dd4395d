//! One pinned value of each format: a change of format fails here, whatever else still agrees.

use bytes::Bytes;
use prost::Message;

use super::*;
use crate::entry::Header;
use crate::fork::ForkEvidence;
use crate::wire::{RunDecoder, messages};

fn field(file: &str, case: &str, name: &str) -> String {
    let files = all();
    let file = files.iter().find(|found| found.name == file).unwrap();
    let case = file.cases.iter().find(|found| found.name == case).unwrap();
    let field = case.fields.iter().find(|found| found.0 == name).unwrap();
    field.1.clone()
}

fn bytes(file: &str, case: &str, name: &str) -> Vec<u8> {
    let text = field(file, case, name);
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// Checks fields, given as name and value with line breaks anywhere.
fn pinned(file: &str, case: &str, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        let value: String = value.split_whitespace().collect();
        assert_eq!(field(file, case, name), value, "{file} / {case} / {name}");
    }
}

#[test]
fn genesis_bytes_are_pinned() {
    pinned(
        "genesis",
        "root",
        &[
            (
                "bytes",
                "01008a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c0000019a9e8f \
             900000000000000000000000000000000000a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 \
             a1a1a1a1a1a1a1a1a1a1",
            ),
            (
                "hash",
                "cdd7d8d53781da287a31888c0aa1c92fe43c9c498c188b24e91185850bfd2616",
            ),
            ("store_id", "cdd7d8d537818a28ba31888c0aa1c92f"),
            (
                "topic",
                "7c4bff80d7878e73f61e20269be8c110da10b48d9c235d4e912313d0c702a110",
            ),
        ],
    );
}

#[test]
fn operation_bytes_are_pinned() {
    pinned(
        "operation",
        "tags and subject",
        &[
            (
                "bytes",
                "01000870656f706c652f370000000200ff0002000564726166740008706572736f6e616c000f6164 \
             61406578616d706c652e6f7267",
            ),
            (
                "commitment",
                "26ee34637dd1ff2551d6e27448ce87cfcfaeab4511a611c11c4889f591889915",
            ),
        ],
    );
}

#[test]
fn header_bytes_are_pinned() {
    pinned(
        "header",
        "dependency and parents",
        &[
            (
                "bytes",
                "01cdd7d8d537818a28ba31888c0aa1c92f8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d9412 \
             1bf3748801b40f6f5c00000000000000037f2de0bb7dd2346660b2f5fe8efb9790d7921b3ef9b1d9 \
             8e799036b96e680f8d019a9e8f9bb8000700018139770ea87d175f56a35466c34c7ecccb8d8a91b4 \
             ee37a25df60f5b8fc9b3940000000000000001000231defcf8f3d391b8cb2f0a33ef157961c14d0d \
             e12ecad8f985ce2c8f41cfe43400028139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25d \
             f60f5b8fc9b394000000000000000100008a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d9412 \
             1bf3748801b40f6f5c000000000000000200006af81a483ad047d85ad8fc765130c5769186f16d63 \
             52e9daac02ee1fbfb1017800018139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f \
             5b8fc9b39400000000000000010001",
            ),
            (
                "hash",
                "6758c59ccea9101885fc93b6d7d6977c7635a9197054604c15df50a9aec6fac0",
            ),
        ],
    );
}

#[test]
fn run_bytes_are_pinned() {
    pinned(
        "run",
        "two bodies absent",
        &[
            (
                "headers",
                "01cdd7d8d537818a28ba31888c0aa1c92f8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d9412 \
             1bf3748801b40f6f5c0000000000000001cdd7d8d53781da287a31888c0aa1c92fe43c9c498c188b \
             24e91185850bfd2616019a9e8f93e8000000000001e64287caa00bf1af766a84298632b89efa5016 \
             16d8f350801510a4bf13cfdba80000,01cdd7d8d537818a28ba31888c0aa1c92f8a88e3dd7409f19 \
             5fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00000000000000023e97acda16b648a \
             48fad5c39d0b47eb376297bf12da1fbb87e4a8b6467bda7ba019a9e8f97d0000000000001ad59a9d \
             dcc79c80464079d525e2f03f994e80a812b1336dd33259aff017c24c200018a88e3dd7409f195fd5 \
             2db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00000000000000010000,01cdd7d8d53781 \
             8a28ba31888c0aa1c92f8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f \
             6f5c00000000000000037f2de0bb7dd2346660b2f5fe8efb9790d7921b3ef9b1d98e799036b96e68 \
             0f8d019a9e8f9bb8000700018139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b \
             8fc9b3940000000000000001000231defcf8f3d391b8cb2f0a33ef157961c14d0de12ecad8f985ce \
             2c8f41cfe43400028139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394 \
             000000000000000100008a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f \
             6f5c000000000000000200006af81a483ad047d85ad8fc765130c5769186f16d6352e9daac02ee1f \
             bfb1017800018139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b3940000 \
             0000000000010001",
            ),
            (
                "signed_message",
                "6e6f637475726e652f76312f656e747279006758c59ccea9101885fc93b6d7d6977c7635a9197054 \
             604c15df50a9aec6fac0",
            ),
            (
                "signature",
                "f2a66728da65a2495b34d725ccfbf05e3ebb850893aa455a5709b98935caf8a95cb84f4aa9131fb9 \
             12aabd287e001b45f4571692a07133ad46a3e331c9819608",
            ),
            (
                "new_authors",
                "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c,8139770ea87d175 \
             f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394",
            ),
            (
                "run_message",
                "10011a20cdd7d8d53781da287a31888c0aa1c92fe43c9c498c188b24e91185850bfd2616210000e8 \
             938f9e9a012a241a221220e64287caa00bf1af766a84298632b89efa501616d8f350801510a4bf13 \
             cfdba82a2e088080a01f1a271220ad59a9ddcc79c80464079d525e2f03f994e80a812b1336dd3325 \
             9aff017c24c21a030001002a63088780a01f120201011a2f0a257369787465656e206f662073616c \
             7421010006636f6c6f7572000000047465616c000000001a060101000002001a270a207369787465 \
             656e206f662073616c7421020005736861706500000000000000001a030101013240f2a66728da65 \
             a2495b34d725ccfbf05e3ebb850893aa455a5709b98935caf8a95cb84f4aa9131fb912aabd287e00 \
             1b45f4571692a07133ad46a3e331c98196083801",
            ),
            (
                "runs_message",
                "0a208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c0a208139770e \
             a87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b39412ac0210011a20cdd7d8d537 \
             81da287a31888c0aa1c92fe43c9c498c188b24e91185850bfd2616210000e8938f9e9a012a241a22 \
             1220e64287caa00bf1af766a84298632b89efa501616d8f350801510a4bf13cfdba82a2e088080a0 \
             1f1a271220ad59a9ddcc79c80464079d525e2f03f994e80a812b1336dd33259aff017c24c21a0300 \
             01002a63088780a01f120201011a2f0a257369787465656e206f662073616c7421010006636f6c6f \
             7572000000047465616c000000001a060101000002001a270a207369787465656e206f662073616c \
             7421020005736861706500000000000000001a030101013240f2a66728da65a2495b34d725ccfbf0 \
             5e3ebb850893aa455a5709b98935caf8a95cb84f4aa9131fb912aabd287e001b45f4571692a07133 \
             ad46a3e331c98196083801",
            ),
        ],
    );
}

#[test]
fn frontier_bytes_are_pinned() {
    pinned(
        "frontier",
        "two logs",
        &[
            (
                "logs",
                "1111111111111111111111111111111111111111111111111111111111111111:1:b1b1b1b1b1b1b \
             1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1,2222222222222222222222222222 \
             222222222222222222222222222222222222:258:b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b \
             2b2b2b2b2b2b2b2b2b2b2b2b2",
            ),
            (
                "digest",
                "d2c7dd7a08b59f46da9dfa5f7e2c246d52e0a908f2b962549d3a5b9776cd8ac0",
            ),
        ],
    );
}

#[test]
fn fork_bytes_are_pinned() {
    pinned(
        "fork",
        "second entry twice",
        &[(
            "bytes",
            "0acc010a870101cdd7d8d537818a28ba31888c0aa1c92fed4928c628d1c2c6eae903389059956129 \
             59273a5c63f93636c14614ac8737d100000000000000029570738c7a06f31c1ad9a46db264ef975a \
             387fdcc21e3cea4d59b1307f071028019a9e8fa77000000000000182d38b2829c206a881a2ca9ffa \
             a8052a86a2a726af9f20d787852c4a8bad32de00001240026d85f341effab402224d927b5761b5d4 \
             f60f4ef940b6095bcf73cd607e3846eae8fbe69b57de834bfcf5c1dabc28670134b146ce1ed06646 \
             78e35d6fb0620412b1020aec0101cdd7d8d537818a28ba31888c0aa1c92fed4928c628d1c2c6eae9 \
             0338905995612959273a5c63f93636c14614ac8737d100000000000000029570738c7a06f31c1ad9 \
             a46db264ef975a387fdcc21e3cea4d59b1307f071028019a9e8fa770000000000001e268bf782b86 \
             6a449c12d3d24ded21b57cb6130b1b23992b5008e271f295f38a000001cdd7d8d537818a28ba3188 \
             8c0aa1c92fed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1000000 \
             000000000353e77c02005662b9b2cf71a70cc21bf3d9ece050914bd92d543c509da9253756019a9e \
             8fab580000000000001240cc1cfdcb9f723954772db13a61c92ada7b7617b5b2e9ec02de3b619f4c \
             04f5674175bf99dd28eca18a5cc04972922e89c3e6ec86e482c1fb131e38532cc2c003",
        )],
    );
}

#[test]
fn the_vectors_are_what_they_say() {
    for case in ["root", "application"] {
        let record = bytes("genesis", case, "bytes");
        let genesis = Genesis::decode(&record).unwrap();
        assert_eq!(
            hex(genesis.hash().as_bytes()),
            field("genesis", case, "hash")
        );
    }
    for file in all().iter().filter(|file| file.name == "header") {
        for case in &file.cases {
            let header = Header::decode(&bytes("header", case.name, "bytes")).unwrap();
            assert_eq!(
                header.hash().to_string(),
                field("header", case.name, "hash")
            );
        }
    }
    for file in all().iter().filter(|file| file.name == "run") {
        for case in &file.cases {
            let message = Bytes::from(bytes("run", case.name, "runs_message"));
            let mut message = messages::Runs::decode(message).unwrap();
            let mut decoder = RunDecoder::new(root().store_id());
            decoder.new_authors(&message.new_authors).unwrap();
            let run = decoder
                .run(message.runs.remove(0))
                .unwrap()
                .verify()
                .unwrap();
            assert_eq!(
                hex(run.author().as_bytes()),
                field("run", case.name, "author")
            );
            assert_eq!(
                hex(run.signature().as_bytes()),
                field("run", case.name, "signature")
            );
        }
    }
    for case in ["second entry twice", "third entry after another"] {
        let evidence = ForkEvidence::decode(&bytes("fork", case, "bytes")).unwrap();
        let at = evidence.verify().unwrap();
        assert_eq!((at.author, at.seq), (person(3).author(), 2));
    }
}

#[test]
fn names_are_distinct_and_nothing_is_left_out() {
    fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> bool {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.is_sorted_by(|a, b| a < b)
    }
    let files = all();
    assert_eq!(files, all());
    assert!(distinct(files.iter().map(|file| file.name)));
    for file in &files {
        assert!(!file.cases.is_empty());
        assert!(distinct(file.cases.iter().map(|case| case.name)));
        for case in &file.cases {
            assert!(
                distinct(case.fields.iter().map(|field| field.0)),
                "{}",
                case.name
            );
        }
    }
}
