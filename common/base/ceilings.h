/* ceilings.h -- ceilings of everything that grows, in one place. What would pass one is an error with a name.
 */
#ifndef CEILINGS_H
#define CEILINGS_H

enum {
	CEILING_XML_DEPTH = 32,             /* nested elements that are ours; deeper is hostile */
	CEILING_XML_NAME = 64,              /* bytes of an element's name that can be a field */
	CEILING_PART_BYTES = 900 * 1000,    /* what is put into a message */
	CEILING_MESSAGE_BYTES = 950 * 1000, /* key and value: brokers take it with all defaults */
	CEILING_BATCH_HOSTS = 5000,         /* of one call; a Report's account of them fits into a message */
	CEILING_BATCH_QIDS = 120 * 1000,    /* distinct ones named in a Report, 5 bytes each */
	CEILING_VALUE_BYTES = 64 * 1000 * 1000, /* one element's text, all parts together */
	CEILING_HOST_DETECTIONS = 1 << 20, /* of one host: what its range of rows holds, consumer/store.h */
	CEILING_IDS_TEXT_BYTES = 1024 * 1024,         /* the ids of one call, as text */
	CEILING_LOCAL_QUEUE_BYTES = 16 * 1000 * 1000, /* all data topics of the in-process transport */
	CEILING_KAFKA_QUEUE_BYTES = 64 * 1024 * 1024, /* of data topics, until the broker has them */
	CEILING_ERROR_TEXT = 512                      /* of the API or a library, kept for people */
};
#endif
