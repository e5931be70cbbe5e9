/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>
#include <stdint.h>

/*
 * The names of elements and attributes that we read, as small numbers.
 *
 * A parser's dictionary holds each name once, so inside one parser a name is a pointer. EwsNames
 * puts our names into that dictionary and maps the pointers back: recognising an element costs
 * one step in a small table and no comparison of strings. Belongs to one parser, as its
 * dictionary does.
 */

/* clang-format off */
#define EWS_NAMES(X) \
	X(AbsoluteDenominator) X(Body) X(Categories) X(ChangeKey) X(Changes) \
	X(ChildFolderCount) X(ConnectionStatus) X(Create) X(CreateContents) \
	X(CreateHierarchy) X(DateTimeCreated) X(DateTimeReceived) X(DateTimeSent) X(Delete) \
	X(DisplayName) X(DisplayTo) X(EffectiveRights) X(EmailAddress) X(Envelope) \
	X(ErrorSubscriptionIds) X(ExtendedFieldURI) X(ExtendedProperty) X(Fault) X(Flag) \
	X(FlagStatus) X(FolderClass) X(FolderId) X(Folders) X(From) X(HasAttachments) \
	X(Header) X(Id) X(Importance) X(IncludesLastFolderInRange) X(IncludesLastItemInRange) \
	X(IndexedPagingOffset) X(InternetMessageId) X(IsDraft) X(IsRead) X(ItemClass) \
	X(ItemId) X(Items) X(Key) X(LastModifiedTime) X(Mailbox) X(MajorBuildNumber) \
	X(MajorVersion) X(Message) X(MessageText) X(MessageXml) X(MimeContent) \
	X(MinorVersion) X(Modify) X(MoreEvents) X(Name) X(Notification) X(Notifications) \
	X(OldParentFolderId) X(ParentFolderId) X(PropertyName) X(PropertySetId) \
	X(PropertyTag) X(Read) X(ReadFlagChange) X(Resolution) X(ResolutionSet) \
	X(ResponseClass) X(ResponseCode) X(ResponseMessages) X(Responses) X(RootFolder) \
	X(RoutingType) X(SearchFolder) X(ServerVersionInfo) X(Size) X(String) X(Subject) \
	X(SubscriptionId) X(SyncState) X(TotalCount) X(TotalItemsInView) X(UnreadCount) \
	X(Update) X(Value) X(Version) X(Watermark) X(detail) X(faultcode) X(faultstring)
/* clang-format on */

#define EWS_NS_URI_SOAP     "http://schemas.xmlsoap.org/soap/envelope/"
#define EWS_NS_URI_MESSAGES "http://schemas.microsoft.com/exchange/services/2006/messages"
#define EWS_NS_URI_TYPES    "http://schemas.microsoft.com/exchange/services/2006/types"

typedef enum EwsName {
	EWS_NAME_NONE, /* ends a table; in a document: a name that is not ours */
#define X(name) EWS_NAME_##name,
	EWS_NAMES(X)
#undef X
	EWS_NAME_COUNT,
	EWS_NAME_ANY, /* in a table: matches every name */
} EwsName;

#define EWS_NAME_SLOTS 512

typedef struct EwsNames {
	const xmlChar *slots[EWS_NAME_SLOTS]; /* borrowed: from the dictionary */
	uint8_t names[EWS_NAME_SLOTS];
} EwsNames;

void ews_names_init(EwsNames *self, xmlDict *dict);

/* @name must come from the same dictionary. */
EwsName ews_names_find(const EwsNames *self, const xmlChar *name);
