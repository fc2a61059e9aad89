/* Consumer.java -- holds every host's present detections from qidflow's topics, by the rules of records.proto alone.
 *
 *   mvn -q compile && java -cp 'target/classes:target/lib/*' Consumer BOOTSTRAP_SERVERS OUT.jsonl [--once] [PREFIX]
 *
 * Each time a run is complete it writes OUT.jsonl: a HostDetections for each host that has some, as protobuf's own JSON, by
 * id. It begins at the beginning of the topics each time. Who keeps a table of their own instead keeps the names of sets and
 * purges and its positions in it, all in one transaction, under the id of the stream. */
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import qidflow.v1.Cluster.End;
import qidflow.v1.Cluster.RunStatus;
import qidflow.v1.Records.Detection;
import qidflow.v1.Records.Host;
import qidflow.v1.Records.HostDetections;
import qidflow.v1.Records.Set;

public class Consumer {
	/** The name of a set or a purge. */
	record Name(long run, long number) implements Comparable<Name> {
		static final Name NONE = new Name(0, 0);

		static Name of(Set s) {
			return new Name(s.getRun(), s.getNumber());
		}

		@Override
		public int compareTo(Name o) {
			return run != o.run ? Long.compareUnsigned(run, o.run) : Long.compareUnsigned(number, o.number);
		}
	}

	static final Pattern KEY = Pattern.compile("([0-9]+)(?:/([0-9]+)\\.([0-9]+)/([0-9]+))?");
	final Map<Long, Name> listed = new HashMap<>(); // hosts that Host List named, or that were purged from it
	final java.util.Set<Long> living = new java.util.HashSet<>();
	final Map<Long, Name> names = new HashMap<>();  // of hosts' present sets, or of their purges
	final Map<Long, HostDetections> tables = new TreeMap<>();
	final Map<Long, TreeMap<Name, Map<Integer, HostDetections>>> parts = new HashMap<>();
	RunStatus complete;
	byte[] stream;
	long generation;

	static Detection join(Detection whole, Detection more) {
		Detection.Builder b = whole.toBuilder().mergeFrom(more);
		for (FieldDescriptor f : more.getAllFields().keySet())
			if (f.getJavaType() == FieldDescriptor.JavaType.STRING && whole.hasField(f))
				b.setField(f, (String)whole.getField(f) + more.getField(f));
		return b.build();
	}

	/** All detections of a host, of all its parts; null where a part is missing. */
	static List<Detection> putTogether(HostDetections last, Map<Integer, HostDetections> pieces) {
		List<Detection> whole = new ArrayList<>();
		int n = Math.max(last.getParts(), 1);

		for (int i = 1; i <= n; i++) {
			HostDetections piece = i == n ? last : pieces.get(i);
			if (piece == null || (piece.getContinued() && (whole.isEmpty() || piece.getDetectionListCount() == 0)))
				return null;
			List<Detection> rest = piece.getDetectionListList();
			if (piece.getContinued()) {
				whole.add(join(whole.remove(whole.size() - 1), rest.get(0)));
				rest = rest.subList(1, rest.size());
			}
			whole.addAll(rest);
		}
		return whole;
	}

	/** Whether it became the host's present set. */
	boolean takeSet(long host, Matcher key, HostDetections h) {
		Name name = Name.of(h.getSet()), present = names.getOrDefault(host, Name.NONE);
		TreeMap<Name, Map<Integer, HostDetections>> staged = parts.computeIfAbsent(host, k -> new TreeMap<>());

		if (key.group(2) != null) {
			if (name.equals(new Name(Long.parseLong(key.group(2)), Long.parseLong(key.group(3)))) &&
			    h.getPart() == Integer.parseInt(key.group(4)) && name.compareTo(present) > 0)
				staged.computeIfAbsent(name, k -> new HashMap<>()).put(h.getPart(), h);
			return false;
		}
		if (h.getPart() != 0 && h.getParts() == 0)
			return false; // a part under the key of a set: not ours
		List<Detection> whole = putTogether(h, staged.getOrDefault(name, Map.of()));
		if (name.compareTo(present) <= 0 || whole == null)
			return false; // old, or the same again; where a part is missing, a newer set is on its way
		tables.put(host, h.toBuilder().clearDetectionList().clearPart().clearParts().clearContinued()
		                     .addAllDetectionList(whole).build());
		return true;
	}

	static Name purgeOf(ConsumerRecord<byte[], byte[]> r) {
		Header set = r.headers().lastHeader("set");
		String[] words = set == null ? new String[0] : new String(set.value(), StandardCharsets.UTF_8).split("\\.");

		if (words.length != 2)
			throw new NumberFormatException("a tombstone without the name of its purge");
		return new Name(Long.parseLong(words[0]), Long.parseLong(words[1]));
	}

	void takeData(boolean hosts, ConsumerRecord<byte[], byte[]> r) throws InvalidProtocolBufferException {
		Matcher key = KEY.matcher(r.key() == null ? "" : new String(r.key(), StandardCharsets.UTF_8));
		if (!key.matches() || (key.group(2) != null && (hosts || r.value() == null)))
			return; // not ours; or the tombstone of a part, which says nothing
		long host = Long.parseLong(key.group(1));
		Name present = (hosts ? listed : names).getOrDefault(host, Name.NONE), name;

		if (r.value() == null) {
			name = purgeOf(r);
			if (name.compareTo(present) < 0)
				return;
			if (hosts)
				living.remove(host);
			else
				tables.remove(host);
		} else if (hosts) {
			Host h = Host.parseFrom(r.value());
			name = Name.of(h.getSet());
			if (h.getId() != host || name.compareTo(present) < 0)
				return;
			living.add(host);
		} else {
			HostDetections h = HostDetections.parseFrom(r.value());
			name = Name.of(h.getSet());
			if (h.getId() != host || !takeSet(host, key, h))
				return;
		}
		(hosts ? listed : names).put(host, name);
		if (!hosts && parts.containsKey(host))
			parts.get(host).headMap(name, true).clear();
	}

	void takeRun(ConsumerRecord<byte[], byte[]> r, boolean live) throws InvalidProtocolBufferException {
		if (r.key() != null && new String(r.key(), StandardCharsets.UTF_8).equals("stream")) {
			if (live && !java.util.Arrays.equals(stream, r.value()))
				throw new IllegalStateException("the topics were made anew: start again");
			stream = r.value();
			complete = null;
			return;
		}
		RunStatus s = RunStatus.parseFrom(r.value());
		if (Long.compareUnsigned(s.getGeneration(), generation) < 0)
			return; // of a coordinator that leads no more
		generation = s.getGeneration();
		if (s.getState() == RunStatus.State.COMPLETE && !s.getMore())
			complete = s;
	}

	void write(Path out) throws IOException {
		Path working = Path.of(out + ".new");
		JsonFormat.Printer printer = JsonFormat.printer().preservingProtoFieldNames().omittingInsignificantWhitespace();

		try (BufferedWriter w = Files.newBufferedWriter(working)) {
			for (Map.Entry<Long, HostDetections> e : tables.entrySet())
				if (living.contains(e.getKey()) && e.getValue().getDetectionListCount() > 0)
					w.write(printer.print(e.getValue()) + "\n");
		}
		Files.move(working, out, StandardCopyOption.REPLACE_EXISTING);
	}

	boolean hasPassed(KafkaConsumer<byte[], byte[]> consumer, String prefix) {
		for (End e : complete.getEndsList())
			if ((e.getTopic().equals("hosts") || e.getTopic().equals("detections")) &&
			    consumer.position(new TopicPartition(prefix + e.getTopic(), e.getPartition())) < e.getOffset())
				return false;
		return true;
	}

	void take(ConsumerRecord<byte[], byte[]> r, String topic, boolean live) {
		try {
			if (topic.equals("runs"))
				takeRun(r, live);
			else
				takeData(topic.equals("hosts"), r);
		} catch (InvalidProtocolBufferException | NumberFormatException | NullPointerException e) {
			System.err.printf("skipped: %s %d %d: no message of ours%n", topic, r.partition(), r.offset());
		}
	}

	void read(KafkaConsumer<byte[], byte[]> consumer, String prefix, Path out, boolean once) throws IOException {
		List<TopicPartition> all = new ArrayList<>(), runs = List.of(new TopicPartition(prefix + "runs", 0));
		for (String topic : List.of("runs", "hosts", "detections"))
			consumer.partitionsFor(prefix + topic).forEach(p -> all.add(new TopicPartition(p.topic(), p.partition())));
		consumer.assign(all);
		consumer.seekToBeginning(all);
		boolean live = false;
		while (true) {
			for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(500)))
				take(r, r.topic().substring(prefix.length()), live);
			// With more to read on runs, a newer COMPLETE may be among it.
			boolean ended = consumer.position(runs.get(0)) >= consumer.endOffsets(runs).get(runs.get(0));
			live |= ended;
			if (complete != null && ended && hasPassed(consumer, prefix)) {
				write(out);
				System.out.printf("run %d is in %s%n", complete.getRun(), out);
				complete = null;
				if (once)
					return;
			}
		}
	}

	public static void main(String[] arguments) throws IOException {
		List<String> a = new ArrayList<>(List.of(arguments));
		boolean once = a.remove("--once");
		if (a.size() < 2) {
			System.err.println("usage: Consumer BOOTSTRAP_SERVERS OUT.jsonl [--once] [PREFIX]");
			System.exit(2);
		}
		// No group: we read all partitions ourselves, and keep our own place.
		Map<String, Object> settings = Map.of("bootstrap.servers", a.get(0), "enable.auto.commit", false, "auto.offset.reset",
		    "none", "key.deserializer", ByteArrayDeserializer.class, "value.deserializer", ByteArrayDeserializer.class);
		try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
			new Consumer().read(consumer, a.size() > 2 ? a.get(2) : "qidflow.", Path.of(a.get(1)), once);
		}
	}
}
