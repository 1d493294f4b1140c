// Checks a log that native/log's example write-log wrote, or one that a service hands out, with the code that Go's own
// module tree is checked with (golang.org/x/mod/sumdb/tlog and note), and that it refuses the same log with anything changed.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// files reads the log's folder, or asks its service; changed holds what is to be read instead.
type files struct {
	folder  string
	tree    tlog.Tree
	cache   map[string][]byte
	changed map[string][]byte
}

func (f *files) read(name string) []byte {
	if data, ok := f.changed[name]; ok {
		return data
	}
	if data, ok := f.cache[name]; ok {
		return data
	}
	data, err := f.get(name)
	must(err)
	f.cache[name] = data
	return data
}

func (f *files) remote() bool { return strings.HasPrefix(f.folder, "http://") }

func (f *files) get(name string) ([]byte, error) {
	if !f.remote() {
		return os.ReadFile(filepath.Join(f.folder, name))
	}
	response, err := http.Get(f.folder + f.address(name))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != 200 {
		err = fmt.Errorf("%s: %s %s", f.address(name), response.Status, data)
	}
	return data, err
}

// address is where a service has what a folder has under that name.
func (f *files) address(name string) string {
	if index := strings.TrimPrefix(name, "inclusion/"); index != name {
		return fmt.Sprintf("/api/log/entries/%s.tlog-proof?size=%d", index, f.tree.N)
	}
	return "/log/" + name
}

// inclusions names the proofs of inclusion that there are: in a folder those written, of a service some.
func (f *files) inclusions() []int64 {
	var all []int64
	if f.remote() {
		for i := int64(0); i < f.tree.N; i += 997 {
			all = append(all, i)
		}
		return append(all, f.tree.N-1)
	}
	names, err := filepath.Glob(filepath.Join(f.folder, "inclusion", "*"))
	must(err)
	for _, path := range names {
		index, err := strconv.ParseInt(filepath.Base(path), 10, 64)
		must(err)
		all = append(all, index)
	}
	return all
}

type older struct {
	tree  tlog.Tree
	proof []tlog.Hash
}

// olders are older trees with our proof that the present one extends them. A folder has their checkpoints; those of a
// service are made from its entries, by Go.
func (f *files) olders(keys note.Verifiers, entries tlog.HashReader) []older {
	var all []older
	if f.remote() {
		for _, size := range []int64{1, 2, 3, 255, 256, 257, 4095, 65535, 65536, 65537, f.tree.N / 3, f.tree.N - 1, f.tree.N} {
			if size < 1 || size > f.tree.N {
				continue
			}
			root, err := tlog.TreeHash(size, entries)
			must(err)
			all = append(all, older{tlog.Tree{N: size, Hash: root}, f.consistency(size)})
		}
		return all
	}
	names, err := filepath.Glob(filepath.Join(f.folder, "consistency", "*.checkpoint"))
	must(err)
	for _, path := range names {
		base := "consistency/" + strings.TrimSuffix(filepath.Base(path), ".checkpoint")
		tree, _, err := open(f.read(base+".checkpoint"), keys)
		must(err)
		proof, err := hashes(strings.Fields(string(f.read(base + ".proof"))))
		must(err)
		all = append(all, older{tree, proof})
	}
	return all
}

func (f *files) consistency(size int64) []tlog.Hash {
	response, err := http.Get(fmt.Sprintf("%s/api/log/proof/consistency?first=%d&size=%d", f.folder, size, f.tree.N))
	must(err)
	defer response.Body.Close()
	var answer struct{ Hashes []string }
	must(json.NewDecoder(response.Body).Decode(&answer))
	proof, err := hashes(answer.Hashes)
	must(err)
	return proof
}

// name is the path of c2sp.org/tlog-tiles: Go's own, without the tile's height.
func name(t tlog.Tile) string {
	return strings.Replace(t.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

func (f *files) Height() int                         { return height }
func (f *files) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (f *files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		data = append(data, f.read(name(t)))
	}
	return data, nil
}

// open verifies a checkpoint's note and reads its text.
func open(data []byte, keys note.Verifiers) (tlog.Tree, *note.Note, error) {
	n, err := note.Open(data, keys)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != n.Sigs[0].Name || lines[3] != "" {
		return tlog.Tree{}, nil, fmt.Errorf("not a checkpoint of %s", n.Sigs[0].Name)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, n, err
}

// entries takes the bundle of tile n apart.
func entries(f *files, tree tlog.Tree, n int64) ([][]byte, error) {
	t := upper(tree, 0, n)
	data := f.read(strings.Replace(name(t), "tile/0/", "tile/entries/", 1))
	var all [][]byte
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, fmt.Errorf("half a length")
		}
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			return nil, fmt.Errorf("half an entry")
		}
		all = append(all, data[2:2+length])
		data = data[2+length:]
	}
	if len(all) != t.W {
		return nil, fmt.Errorf("%d entries instead of %d", len(all), t.W)
	}
	return all, nil
}

// bundle checks every entry of a bundle against the level 0 tile, which is checked against the tree.
func bundle(f *files, tree tlog.Tree, n int64) error {
	all, err := entries(f, tree, n)
	if err != nil {
		return err
	}
	var indexes []int64
	for i := range all {
		indexes = append(indexes, tlog.StoredHashIndex(0, n*256+int64(i)))
	}
	hashes, err := tlog.TileHashReader(tree, f).ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i, entry := range all {
		if tlog.RecordHash(entry) != hashes[i] {
			return fmt.Errorf("entry %d is not the one in the tree", n*256+int64(i))
		}
	}
	return nil
}

// authenticate checks every tile by hand: each full one against the level above, the others against the root.
// (TileHashReader before x/mod 0.40 leaves some tiles of a request unchecked: CVE-2026-56865.)
func authenticate(f *files, tree tlog.Tree) error {
	for level := 0; tree.N>>(uint(level)*height) > 0; level++ {
		for n := int64(0); n < tree.N>>(uint(level+1)*height); n++ {
			t := tlog.Tile{H: height, L: level, N: n, W: 256}
			above := upper(tree, level+1, n/256)
			hash := fold(f.read(name(t)))
			at := n % 256 * tlog.HashSize
			if !bytes.Equal(hash[:], f.read(name(above))[at:at+tlog.HashSize]) {
				return fmt.Errorf("%s is not the one that %s names", name(t), name(above))
			}
		}
	}
	root, err := tlog.TreeHash(tree.N, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, i := range indexes {
			level, _ := tlog.SplitStoredHashIndex(i)
			t := upper(tree, level/height, tlog.TileForIndex(height, i).N)
			hash, err := tlog.HashFromTile(t, f.read(name(t)), i)
			if err != nil {
				return nil, err
			}
			found = append(found, hash)
		}
		return found, nil
	}))
	if err == nil && root != tree.Hash {
		err = fmt.Errorf("the tiles lead to another root")
	}
	return err
}

// fold is the hash over a full tile.
func fold(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		var hash tlog.Hash
		copy(hash[:], data)
		return hash
	}
	return tlog.NodeHash(fold(data[:len(data)/2]), fold(data[len(data)/2:]))
}

// upper is tile n of a level as it is in the tree.
func upper(tree tlog.Tree, level int, n int64) tlog.Tile {
	width := tree.N>>(uint(level)*height) - n*256
	if width > 256 {
		width = 256
	}
	return tlog.Tile{H: height, L: level, N: n, W: int(width)}
}

// inclusion reads one of our c2sp.org/tlog-proof texts and checks it.
func inclusion(data []byte, entry []byte, keys note.Verifiers) error {
	parts := strings.SplitN(string(data), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("not a tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof, err := hashes(lines[2:])
	if err != nil {
		return err
	}
	tree, _, err := open([]byte(parts[1]), keys)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func hashes(lines []string) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		all = append(all, hash)
	}
	return all, nil
}

// cosignature checks a witness's line by c2sp.org/tlog-cosignature, with nothing of ours.
func cosignature(vkey string, n *note.Note) error {
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	must(err)
	for _, s := range n.UnverifiedSigs {
		signature, err := base64.StdEncoding.DecodeString(s.Base64)
		must(err)
		if s.Name != parts[0] || fmt.Sprintf("%08x", s.Hash) != parts[1] || key[0] != 4 || len(signature) != 4+8+64 {
			continue
		}
		message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature[4:]), n.Text)
		if ed25519.Verify(key[1:], []byte(message), signature[12:]) {
			return nil
		}
	}
	return fmt.Errorf("no cosignature by %s", parts[0])
}

func flipped(data []byte, at int) []byte {
	changed := append([]byte(nil), data...)
	changed[at%len(changed)] ^= 1 << uint(at%8)
	return changed
}

func must(err error) {
	if err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
}

func refuse(what string, err error) {
	if err == nil {
		must(fmt.Errorf("%s was accepted", what))
	}
}

func main() {
	f := &files{folder: strings.TrimSuffix(os.Args[1], "/"), cache: map[string][]byte{}, changed: map[string][]byte{}}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(f.read("vkey"))))
	must(err)
	keys := note.VerifierList(verifier)
	checkpoint := f.read("checkpoint")
	tree, n, err := open(checkpoint, keys)
	must(err)
	f.tree = tree
	if !f.remote() {
		must(cosignature(string(f.read("witness-vkey")), n))
		fmt.Println("ok: a witness's cosignature")
	}
	bundles := (tree.N + 255) / 256

	accept(f, tree, keys, bundles)
	corrupt(f, tree, keys, bundles, checkpoint)
}

// accept checks all there is: entries, the whole tree from them, proofs Go makes from our tiles, proofs we made.
func accept(f *files, tree tlog.Tree, keys note.Verifiers, bundles int64) {
	must(authenticate(f, tree))
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, i := range indexes {
			found = append(found, stored[i])
		}
		return found, nil
	})
	var all [][]byte
	for i := int64(0); i < bundles; i++ {
		must(bundle(f, tree, i))
		some, err := entries(f, tree, i)
		must(err)
		for _, entry := range some {
			more, err := tlog.StoredHashes(int64(len(all)), entry, reader)
			must(err)
			stored = append(stored, more...)
			all = append(all, entry)
		}
	}
	root, err := tlog.TreeHash(tree.N, reader)
	must(err)
	if root != tree.Hash || int64(len(all)) != tree.N {
		must(fmt.Errorf("the entries make another tree than the checkpoint's"))
	}
	for _, t := range tlog.NewTiles(height, 0, tree.N) {
		data, err := tlog.ReadTileData(t, reader)
		must(err)
		if t.W == 256 || tree.N>>(uint(t.L)*height)%256 == int64(t.W) {
			if !bytes.Equal(data, f.read(name(t))) {
				must(fmt.Errorf("%s differs from Go's", name(t)))
			}
		}
	}
	fmt.Printf("ok: checkpoint, %d entries, every tile\n", len(all))

	tiles := tlog.TileHashReader(tree, f)
	made := 0
	for i := int64(0); i < tree.N; i += 101 {
		proof, err := tlog.ProveRecord(tree.N, i, tiles)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(all[i])))
		made++
	}
	fmt.Printf("ok: %d inclusion proofs that Go made from the tiles\n", made)

	indices := f.inclusions()
	for _, index := range indices {
		data := f.read(fmt.Sprintf("inclusion/%d", index))
		must(inclusion(data, all[index], keys))
		if tree.N > 1 {
			refuse("a proof of another entry", inclusion(data, all[(index+1)%tree.N], keys))
		}
	}
	fmt.Printf("ok: %d inclusion proofs of ours (tlog-proof), and none for another entry\n", len(indices))

	olders := f.olders(keys, reader)
	for _, old := range olders {
		must(tlog.CheckTree(old.proof, tree.N, tree.Hash, old.tree.N, old.tree.Hash))
		if old.tree.N < tree.N {
			own, err := tlog.ProveTree(tree.N, old.tree.N, tiles)
			must(err)
			if fmt.Sprint(own) != fmt.Sprint(tlog.TreeProof(old.proof)) {
				must(fmt.Errorf("the proof from %d is another than Go's", old.tree.N))
			}
		}
		if len(old.proof) > 0 {
			old.proof[len(old.proof)/2][7] ^= 1
			changed := tlog.CheckTree(old.proof, tree.N, tree.Hash, old.tree.N, old.tree.Hash)
			refuse("a changed consistency proof", changed)
		}
	}
	fmt.Printf("ok: %d consistency proofs of ours, the same as Go's, and none when changed\n", len(olders))
}

// corrupt changes one bit at a time and sees that it is found.
func corrupt(f *files, tree tlog.Tree, keys note.Verifiers, bundles int64, checkpoint []byte) {
	// Up to the last digit of the log's signature, of which Go ignores two bits, and its padding.
	signed := len(checkpoint) - 3
	if at := bytes.Index(checkpoint, []byte("\n— witness")); at >= 0 {
		signed = at - 2
	}
	for i := 0; i < signed; i++ {
		_, _, err := open(flipped(checkpoint, i), keys)
		refuse(fmt.Sprintf("a checkpoint with byte %d changed", i), err)
	}
	count := 0
	for i := int64(0); i < bundles; i++ {
		tile := name(upper(tree, 0, i))
		for _, path := range []string{tile, strings.Replace(tile, "tile/0/", "tile/entries/", 1)} {
			original := f.read(path)
			for _, at := range []int{0, 2, len(original) / 2, len(original) - 1, int(i) * 7919} {
				f.changed[path] = flipped(original, at)
				refuse(path+" changed", bundle(f, tree, i))
				count++
			}
			delete(f.changed, path)
		}
	}
	inner := 0
	for level := 1; tree.N>>(uint(level)*height) > 0; level++ {
		wide := tree.N >> (uint(level) * height)
		for n := int64(0); n*256 < wide; n++ {
			t := upper(tree, level, n)
			path := name(t)
			original := f.read(path)
			for at := 0; at < t.W; at++ {
				f.changed[path] = flipped(original, at*32+at%32)
				refuse(path+" changed", authenticate(f, tree))
				inner++
			}
			delete(f.changed, path)
		}
	}
	fmt.Printf("ok: refused %d changed checkpoints, %d changed tiles and bundles, %d changed upper hashes\n",
		signed, count, inner)
}
