#!/usr/bin/env python3
"""Checks the golden vectors under vectors/ without a line of the Rust code.

Needs Python 3.9 and its standard library only: SHA-256 and SHA-512 come from there; BLAKE3, Ed25519
and the little of Protobuf that is needed are written out below. Read it beside the pages of this
folder: it is the shortest complete reader of the formats. Slow, and not constant-time: for checking
public data, never for signing with real keys.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

# --- BLAKE3, derive-key mode (https://github.com/BLAKE3-team/BLAKE3-specs) ---

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
COLUMNS_AND_DIAGONALS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)


def blake3_compress(chaining, block, counter, length, flags):
    words = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    state = [*chaining, *IV[:4], counter & 0xFFFFFFFF, counter >> 32, length, flags]

    def turn(value, by):
        return (value >> by | value << (32 - by)) & 0xFFFFFFFF

    for _ in range(7):
        for index, (a, b, c, d) in enumerate(COLUMNS_AND_DIAGONALS):
            for word, first, second in ((words[2 * index], 16, 12), (words[2 * index + 1], 8, 7)):
                state[a] = (state[a] + state[b] + word) & 0xFFFFFFFF
                state[d] = turn(state[d] ^ state[a], first)
                state[c] = (state[c] + state[d]) & 0xFFFFFFFF
                state[b] = turn(state[b] ^ state[c], second)
        words = [words[index] for index in PERMUTATION]
    return tuple(low ^ high for low, high in zip(state[:8], state[8:]))


def blake3(key, data, flags, counter=0, root=True):
    """The chaining value of `data` as a subtree; with `root`, the hash as bytes."""
    last = ROOT if root else 0
    if len(data) <= 1024:
        blocks = [data[start:start + 64] for start in range(0, len(data), 64)] or [b""]
        for index, block in enumerate(blocks):
            edge = CHUNK_START if index == 0 else 0
            if index == len(blocks) - 1:
                edge |= CHUNK_END | last
            key = blake3_compress(key, block, counter, len(block), flags | edge)
        out = key
    else:
        left = 1024
        while left * 2 < len(data):
            left *= 2
        halves = (blake3(key, data[:left], flags, counter, False),
                  blake3(key, data[left:], flags, counter + left // 1024, False))
        block = b"".join(struct.pack("<8I", *half) for half in halves)
        out = blake3_compress(key, block, 0, 64, flags | PARENT | last)
    return struct.pack("<8I", *out) if root else out


def derive(context, data):
    key = struct.unpack("<8I", blake3(IV, context.encode(), CONTEXT))
    return blake3(key, data, MATERIAL)


# --- Ed25519 verification (RFC 8032), refusing what `verify_strict` refuses ---

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)


def point_add(first, second):
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        scalar >>= 1
    return total


def point_equal(first, second):
    return ((first[0] * second[2] - second[0] * first[2]) % P == 0
            and (first[1] * second[2] - second[1] * first[2]) % P == 0)


def point_decode(encoded):
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_MINUS_1 % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
NEUTRAL = (0, 1, 1, 0)


def ed25519_verifies(key, message, signature):
    public, commitment = point_decode(key), point_decode(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or scalar >= ORDER or len(signature) != 64:
        return False
    if any(point_equal(point_times(8, point), NEUTRAL) for point in (public, commitment)):
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    return point_equal(point_times(scalar, BASE), point_add(commitment, point_times(challenge, public)))


def ed25519_public(secret):
    """The public key, as RFC 8032 derives it."""
    digest = bytearray(hashlib.sha512(secret).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 63 | 64
    x, y, z, _ = point_times(int.from_bytes(digest, "little"), BASE)
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


# --- SHA-256 ---

def sha256(data):
    return hashlib.sha256(data).digest()


# --- Reading ---

class Reader:
    """Big-endian integers and bytes; runs out loudly."""

    def __init__(self, data):
        self.rest = data

    def bytes(self, length):
        if length > len(self.rest):
            raise ValueError("too short")
        out, self.rest = self.rest[:length], self.rest[length:]
        return out

    def number(self, length):
        return int.from_bytes(self.bytes(length), "big")

    def end(self):
        if self.rest:
            raise ValueError("too long")


def protobuf(data):
    """Field number -> list of values: integers, or bytes."""
    fields = {}

    def varint(start):
        value = shift = 0
        while True:
            byte = data[start]
            value |= (byte & 127) << shift
            start, shift = start + 1, shift + 7
            if byte < 128:
                return value, start

    at = 0
    while at < len(data):
        key, at = varint(at)
        if key & 7 == 0:
            value, at = varint(at)
        elif key & 7 == 1:
            value, at = int.from_bytes(data[at:at + 8], "little"), at + 8
        elif key & 7 == 2:
            length, at = varint(at)
            value, at = data[at:at + length], at + length
        else:
            raise ValueError("wire type")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def varints(fields, number):
    """A repeated integer field, packed or not."""
    out = []
    for value in fields.get(number, []):
        if isinstance(value, int):
            out.append(value)
            continue
        number_so_far = shift = 0
        for byte in value:
            number_so_far |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                out.append(number_so_far)
                number_so_far = shift = 0
    return out


def parse_operation(data):
    reader = Reader(data)
    kind = reader.number(1)
    key = reader.bytes(reader.number(2))
    value = reader.bytes(reader.number(4))
    tags = [reader.bytes(reader.number(2)) for _ in range(reader.number(2))]
    subject = reader.bytes(reader.number(2))
    reader.end()
    fits = (kind in (1, 2) and 0 < len(key) <= 4096 and len(value) <= 2**20 and (kind == 1 or not value)
            and len(tags) <= 16 and tags == sorted(set(tags)) and all(0 < len(tag) <= 256 for tag in tags)
            and len(subject) <= 1024)
    if not fits:
        raise ValueError("no operation")
    return kind, key, value, tags, subject


def parse_header(reader):
    header = {"version": reader.number(1)}
    if header["version"] != 1:
        raise ValueError("version")
    header["store"], header["author"] = reader.bytes(16), reader.bytes(32)
    header["seq"], header["prev"], header["hlc"] = reader.number(8), reader.bytes(32), reader.number(8)
    header["deps"] = [(reader.bytes(32), reader.number(8)) for _ in range(reader.number(2))]
    header["ops"] = []
    for _ in range(reader.number(2)):
        commitment = reader.bytes(32)
        parents = [(reader.bytes(32), reader.number(8), reader.number(2)) for _ in range(reader.number(2))]
        header["ops"].append((commitment, parents))
    return header


def encode_header(header):
    out = [b"\1", header["store"], header["author"], struct.pack(">Q", header["seq"]), header["prev"],
           struct.pack(">QH", header["hlc"], len(header["deps"]))]
    out += [author + struct.pack(">Q", seq) for author, seq in header["deps"]]
    out.append(struct.pack(">H", len(header["ops"])))
    for commitment, parents in header["ops"]:
        out.append(commitment + struct.pack(">H", len(parents)))
        out += [author + struct.pack(">QH", seq, op) for author, seq, op in parents]
    return b"".join(out)


def header_of(data):
    reader = Reader(data)
    header = parse_header(reader)
    reader.end()
    return header


def entry_hash(header):
    return derive("nocturne 2026-11-20 v1 entry", encode_header(header))


def commitment(body):
    return derive("nocturne 2026-11-20 v1 op", body)


def signs_entry(author, tip, signature):
    return ed25519_verifies(author, b"nocturne/v1/entry\0" + tip, signature)


# --- The vectors of core ---

def expect(claim, what):
    if not claim:
        raise AssertionError(what)


def unhex(text):
    return bytes.fromhex(text)


def items(text, separator=","):
    return text.split(separator) if text else []


def check_genesis(case):
    record = (struct.pack(">BB", 1, int(case["kind"])) + unhex(case["creator"])
              + struct.pack(">Q", int(case["created_ms"])) + unhex(case["mesh"]) + unhex(case["secret"]))
    expect(record.hex() == case["bytes"], "bytes")
    digest = derive("nocturne 2026-11-20 v1 genesis", record)
    expect(digest.hex() == case["hash"], "hash")
    store = bytearray(digest[:16])
    store[6], store[8] = store[6] & 0x0F | 0x80, store[8] & 0x3F | 0x80
    expect(store.hex() == case["store_id"], "store_id")
    topic = derive("nocturne 2026-11-20 v1 topic", bytes(store) + unhex(case["secret"]))
    expect(topic.hex() == case["topic"], "topic")


def check_operation(case):
    data = unhex(case["bytes"])
    try:
        kind, key, value, tags, subject = parse_operation(data)
        expect(case["valid"] == "1", "valid")
        found = [str(kind), key.hex(), value.hex(), ",".join(tag.hex() for tag in tags), subject.hex()]
        expect(found == [case[name] for name in ("kind", "key", "value", "tags", "subject")], "fields")
    except ValueError:
        expect(case["valid"] == "0", "valid")
    expect(commitment(unhex(case["salt"]) + data).hex() == case["commitment"], "commitment")


def place(text):
    author, *numbers = text.split(":")
    return (unhex(author), *map(int, numbers))


def check_header(case):
    commitments = [unhex(item) for item in items(case["commitments"])]
    parents = [[place(item) for item in items(part)] for part in case["parents"].split(";")]
    header = {
        "store": unhex(case["store"]), "author": unhex(case["author"]), "seq": int(case["seq"]),
        "prev": unhex(case["prev"]), "hlc": int(case["hlc"]),
        "deps": [place(item) for item in items(case["deps"])],
        "ops": list(zip(commitments, parents)),
    }
    expect(encode_header(header).hex() == case["bytes"], "bytes")
    expect(header_of(unhex(case["bytes"])) == header | {"version": 1}, "reading")
    expect(entry_hash(header).hex() == case["hash"], "hash")


def check_chain(headers, signature):
    """Contiguous entries of one log, the last one signed."""
    for before, header in zip(headers, headers[1:]):
        expect((header["store"], header["author"]) == (before["store"], before["author"]), "one log")
        expect(header["seq"] == before["seq"] + 1 and header["prev"] == entry_hash(before), "links")
        expect(header["hlc"] > before["hlc"], "time")
    expect(signs_entry(headers[-1]["author"], entry_hash(headers[-1]), signature), "signature")


def check_run(case):
    expect(ed25519_public(unhex(case["author_secret"])).hex() == case["author"], "author")
    encoded = [unhex(item) for item in items(case["headers"])]
    headers = [header_of(data) for data in encoded]
    check_chain(headers, unhex(case["signature"]))
    expect([entry_hash(header).hex() for header in headers] == items(case["hashes"]), "hashes")
    tip = entry_hash(headers[-1])
    expect((b"nocturne/v1/entry\0" + tip).hex() == case["signed_message"], "signed_message")
    for header, bodies in zip(headers, case["bodies"].split(";")):
        bodies = bodies.split(",") if header["ops"] else []
        expect(len(bodies) == len(header["ops"]), "bodies")
        for body, (expected, _) in zip(bodies, header["ops"]):
            expect(not body or commitment(unhex(body)) == expected, "commitment")
    runs = protobuf(unhex(case["runs_message"]))
    expect([author.hex() for author in runs[1]] == items(case["new_authors"]), "new_authors")
    expect([run.hex() for run in runs[2]] == [case["run_message"]], "run_message")
    rebuilt = rebuild(protobuf(runs[2][0]), runs[1], headers[0]["store"])
    expect([encode_header(header) for header in rebuilt] == encoded, "headers rebuilt from the wire")


def rebuild(run, authors, store):
    """What the receiver of a Run makes of it: the canonical headers, as entry.proto says."""
    def one(fields, number, default):
        return fields.get(number, [default])[0]

    headers, hlc, prev = [], one(run, 4, 0), one(run, 3, b"")
    for index, entry in enumerate(run.get(5, [])):
        entry = protobuf(entry)
        hlc += one(entry, 1, 0)
        deps, ops = varints(entry, 2), []
        for operation in map(protobuf, entry.get(3, [])):
            body, numbers = one(operation, 1, b""), varints(operation, 3)
            parents = [(authors[a], seq, op) for a, seq, op in zip(*[iter(numbers)] * 3)]
            ops.append((commitment(body) if body else one(operation, 2, b""), parents))
        headers.append({
            "store": store, "author": authors[one(run, 1, 0)], "seq": one(run, 2, 0) + index, "prev": prev,
            "hlc": hlc, "deps": [(authors[a], seq) for a, seq in zip(*[iter(deps)] * 2)], "ops": ops,
        })
        prev = entry_hash(headers[-1])
    return headers


def check_frontier(case):
    logs = sorted(place(item.rsplit(":", 1)[0]) + (unhex(item.rsplit(":", 1)[1]),) for item in items(case["logs"]))
    listing = b"".join(author + struct.pack(">Q", seq) + tip for author, seq, tip in logs)
    expect(derive("nocturne 2026-11-20 v1 frontier", listing).hex() == case["digest"], "digest")


def check_fork(case):
    chains, message = [], protobuf(unhex(case["bytes"]))
    for number, name in ((1, "one"), (2, "other")):
        chain = protobuf(message[number][0])
        reader, headers = Reader(chain[1][0]), []
        while reader.rest:
            headers.append(parse_header(reader))
        expect([encode_header(header).hex() for header in headers] == items(case[name + "_headers"]), "headers")
        expect(chain[2][0].hex() == case[name + "_signature"], "signature")
        check_chain(headers, chain[2][0])
        chains.append(headers[0])
    one, other = sorted(chains, key=lambda header: header["seq"])
    expect(all(one[name] == other[name] for name in ("store", "author")), "one log")
    expect((one["author"].hex(), one["seq"]) == (case["author"], int(case["seq"])), "which place")
    expect(other["seq"] - one["seq"] in (0, 1), "adjoining places")
    named = entry_hash(other) if other["seq"] == one["seq"] else other["prev"]
    expect(entry_hash(one) != named, "two histories")


# --- The vectors of forget ---

def check_hashed(case):
    expect(derive("nocturne 2026-11-20 v1 policy", unhex(case["bytes"])).hex() == case["hash"], "hash")


def parse_receipt(data):
    reader = Reader(data)
    receipt = {"version": reader.number(1)}
    for name, length in (("issuer", 32), ("store", 16), ("author", 32), ("seq", 8), ("op", 2), ("entry", 32),
                         ("commitment", 32), ("action", 1), ("cut", 16), ("policy", 32), ("reason", 1),
                         ("as_of", 8), ("issued", 8), ("state", 1), ("before", 32), ("after", 32),
                         ("keyring_before", 8), ("keyring_after", 8), ("grade", 1)):
        whole = length in (1, 2, 8)
        receipt[name] = reader.number(length) if whole else reader.bytes(length)
    reader.end()
    expect(receipt["version"] == 1 and receipt["seq"] > 0, "version and seq")
    expect(receipt["action"] in (1, 2) and receipt["reason"] in range(1, 6), "action and reason")
    expect(receipt["state"] == 1 and receipt["grade"] in (1, 2), "state and grade")
    expect(receipt["keyring_after"] >= receipt["keyring_before"], "keyring")
    return receipt


def check_receipt(case):
    data = unhex(case["bytes"])
    parse_receipt(data)
    expect(sha256(b"\0" + data).hex() == case["leaf"], "leaf")


def parse_note(note):
    """Node, size and root of a signed checkpoint."""
    lines = note.decode().split("\n")
    expect(len(lines) == 6 and lines[3] == lines[5] == "", "lines")
    origin, size, root = lines[:3]
    node = unhex(origin[len("nocturne/receipts/"):])
    dash, name, signature = lines[4].split(" ")
    signature = base64.b64decode(signature, validate=True)
    expect((dash, name) == ("\u2014", origin) and len(signature) == 68, "signature line")
    expect(signature[:4] == sha256(name.encode() + b"\n\1" + node)[:4], "key hash")
    expect(ed25519_verifies(node, "\n".join(lines[:3] + [""]).encode(), signature[4:]), "signature")
    return node, int(size), base64.b64decode(root, validate=True)


def check_checkpoint(case):
    node, _, _ = parse_note(case["note"].encode())
    expect(ed25519_public(unhex(case["secret_key"])) == node, "node")


def split32(data):
    return [data[at:at + 32] for at in range(0, len(data), 32)]


def largest_power_below(number):
    return 1 << (number - 1).bit_length() - 1


def fold(start, end, leaves, siblings):
    if not leaves:
        return next(siblings)
    if end - start == 1:
        return leaves[0][1]
    middle = start + largest_power_below(end - start)
    left = fold(start, middle, [leaf for leaf in leaves if leaf[0] < middle], siblings)
    right = fold(middle, end, [leaf for leaf in leaves if leaf[0] >= middle], siblings)
    return sha256(b"\1" + left + right)


def consistent(old, old_root, new, new_root, path):
    """RFC 9162 section 2.1.4.2."""
    if old == new or old == 0:
        return not path and old_root == (new_root if old == new else sha256(b""))
    path = ([old_root] if old & (old - 1) == 0 else []) + path
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path:
        return False
    first = second = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = sha256(b"\1" + node + first), sha256(b"\1" + node + second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = sha256(b"\1" + second + node)
        at, last = at >> 1, last >> 1
    return (first, second, last) == (old_root, new_root, 0)


def check_proof(case):
    bundle = protobuf(unhex(case["bytes"]))
    expect(bundle[1] == [1], "version")
    node, size, root = parse_note(bundle[6][0])
    leaves, receipts = [], []
    for leaf in map(protobuf, bundle[4]):
        receipts.append(parse_receipt(leaf[2][0]))
        leaves.append((leaf.get(1, [0])[0], sha256(b"\0" + leaf[2][0])))
    expect(all(receipt["issuer"] == node for receipt in receipts), "issuer")
    siblings = iter(split32(bundle.get(5, [b""])[0]))
    expect(fold(0, size, leaves, siblings) == root and next(siblings, None) is None, "inclusion")
    for earlier in map(protobuf, bundle.get(3, [])):
        old_node, old_size, old_root = parse_note(earlier[1][0])
        path = split32(earlier.get(2, [b""])[0])
        expect(old_node == node and consistent(old_size, old_root, size, root, path), "consistency")
    written = {}
    for chain in map(protobuf, bundle.get(2, [])):
        headers = [header_of(data) for data in chain[1]]
        check_chain(headers, chain[2][0])
        written.update({(header["store"], header["author"], header["seq"]): header for header in headers})
    for receipt in receipts if written else []:
        header = written[receipt["store"], receipt["author"], receipt["seq"]]
        expect(entry_hash(header) == receipt["entry"], "the receipt's entry")
        expect(header["ops"][receipt["op"]][0] == receipt["commitment"], "the receipt's operation")
        expect(header["hlc"] >> 16 <= receipt["as_of"], "written before the cut")


CORE = {"genesis": check_genesis, "operation": check_operation, "header": check_header, "run": check_run,
        "frontier": check_frontier, "fork": check_fork}
FORGET = {"predicates": check_hashed, "policies": check_hashed, "receipts": check_receipt,
          "checkpoints": check_checkpoint, "proofs": check_proof}


def main():
    folder = pathlib.Path(__file__).parent / "vectors"
    checked = 0
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if path.stem == "forget":
            work = [(FORGET[name], f"{name} {index}", case)
                    for name, cases in document.items() for index, case in enumerate(cases)]
        else:
            work = [(CORE[document["format"]], case["name"], case["fields"]) for case in document["cases"]]
        for check, name, case in work:
            try:
                check(case)
            except Exception as error:  # whatever went wrong, say where
                sys.exit(f"{path.name}: {name}: {type(error).__name__}: {error}")
            checked += 1
    if checked == 0:
        sys.exit("no vectors found")
    print(f"{checked} vectors agree")


if __name__ == "__main__":
    main()
