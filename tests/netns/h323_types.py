"""The messages of H.225.0 (RAS and call signalling), H.460.18, H.460.19 and H.245 as far as the lab's peers speak them,
in the notation of `h323_notation.py`. Written from the recommendations: H.225.0 (2009) Annex H, H.460.18 (2005),
H.460.19 (2005), H.245 (2011) Annex A."""

from __future__ import annotations

from tests.netns.h323_notation import Types

_H225 = """
Ip = {ip:OCTETS(4) port:0..65535}
TransportAddress = <ipAddress:Ip ipSourceRoute:- ipxAddress:{node:OCTETS(6) netnum:OCTETS(4) port:OCTETS(2)}
    ip6Address:{ip:OCTETS(16) port:0..65535 ...} netBios:OCTETS(16) nsap:OCTETS(1..20) nonStandardAddress:NonStandard
    ...>
H221 = {t35CountryCode:0..255 t35Extension:0..255 manufacturerCode:0..65535 ...}
NonStandard = {nonStandardIdentifier:<object:OID h221NonStandard:H221 ...> data:OCTETS}
Vendor = {vendor:H221 productId?:OCTETS(1..256) versionId?:OCTETS(1..256) ... enterpriseNumber?:-}
Info = {nonStandardData?:NonStandard ...}
Prefix = {nonStandardData?:NonStandard prefix:Alias ...}
Caps = {nonStandardData?:NonStandard ... dataRatesSupported?:- supportedPrefixes:[Prefix]}
Protocols = <nonStandardData:NonStandard h310:Caps h320:Caps h321:Caps h322:Caps h323:Caps h324:Caps voice:Caps
    t120-only:Caps ... nonStandardProtocol:- t38FaxAnnexbOnly:- sip:->
EndpointType = {nonStandardData?:NonStandard vendor?:Vendor gatekeeper?:Info
    gateway?:{protocol?:[Protocols] nonStandardData?:NonStandard ...} mcu?:{nonStandardData?:NonStandard ...
    protocol?:-} terminal?:Info mc:BOOL undefinedNode:BOOL ... set?:- supportedTunnelledProtocols?:-}
Numbers = <unknown international national networkSpecific subscriber abbreviated ...>
Party = <e164Number:{publicTypeOfNumber:Numbers publicNumberDigits:DIGITS(1..128)} dataPartyNumber:DIGITS(1..128)
    telexPartyNumber:DIGITS(1..128) privateNumber:{privateTypeOfNumber:Numbers privateNumberDigits:DIGITS(1..128)}
    nationalStandardPartyNumber:DIGITS(1..128) ...>
Alias = <dialedDigits:DIGITS(1..128) h323-ID:BMP(1..256) ... url-ID:IA5(1..512) transportID:TransportAddress
    email-ID:IA5(1..512) partyNumber:Party mobileUIM:- isupNumber:->
CallId = {guid:OCTETS(16) ...}
GenericId = <standard:0..16383* oid:OID nonStandard:OCTETS(16) ...>
Content = <raw:OCTETS text:IA5 unicode:BMP bool:BOOL number8:0..255 number16:0..65535 number32:0..4294967295
    id:GenericId alias:Alias transport:TransportAddress compound:[Parameter 1..512] nested:[Generic 1..16] ...>
Parameter = {id:GenericId content?:Content ...}
Generic = {id:GenericId parameters?:[Parameter 1..512] ...}
FeatureSet = {replacementFeatureSet:BOOL neededFeatures?:[Generic] desiredFeatures?:[Generic]
    supportedFeatures?:[Generic] ...}
AlternateGK = {rasAddress:TransportAddress gatekeeperIdentifier?:BMP(1..128) needToRegister:BOOL priority:0..127 ...}
AltGKInfo = {alternateGatekeeper:[AlternateGK] altGKisPermanent:BOOL ...}
Qseries = {q932Full:BOOL q951Full:BOOL q952Full:BOOL q953Full:BOOL q955Full:BOOL q956Full:BOOL q957Full:BOOL
    q954Info:{conferenceCalling:BOOL threePartyService:BOOL ...} ...}
CallType = <pointToPoint oneToN nToOne nToN ...>
CallModel = <direct gatekeeperRouted ...>
Session = {sessionId:0..255 contents?:- reason:<open refresh close ...> ...}
Channel = {sendAddress?:TransportAddress recvAddress?:TransportAddress ...}
Rtp = {rtpAddress:Channel rtcpAddress:Channel cname:IA5 ssrc:1..4294967295 sessionId:1..255
    associatedSessionIds:[1..255] ... multicast?:- bandwidth?:-}

RasMessage = <gatekeeperRequest:GRQ gatekeeperConfirm:GCF gatekeeperReject:GRJ registrationRequest:RRQ
    registrationConfirm:RCF registrationReject:RRJ unregistrationRequest:URQ unregistrationConfirm:UCF
    unregistrationReject:URJ admissionRequest:ARQ admissionConfirm:ACF admissionReject:ARJ bandwidthRequest:BRQ
    bandwidthConfirm:BCF bandwidthReject:BRJ disengageRequest:DRQ disengageConfirm:DCF disengageReject:DRJ
    locationRequest:LRQ locationConfirm:LCF locationReject:LRJ infoRequest:IRQ infoRequestResponse:IRR
    nonStandardMessage:NSM unknownMessageResponse:XRS ... requestInProgress:RIP resourcesAvailableIndicate:RAI
    resourcesAvailableConfirm:RAC infoRequestAck:IACK infoRequestNak:INAK serviceControlIndication:SCI
    serviceControlResponse:SCR admissionConfirmSequence:->
GRQ = {requestSeqNum:1..65535 protocolIdentifier:OID nonStandardData?:NonStandard rasAddress:TransportAddress
    endpointType:EndpointType gatekeeperIdentifier?:BMP(1..128) callServices?:Qseries endpointAlias?:[Alias] ...
    alternateEndpoints?:- tokens?:- cryptoTokens?:- authenticationCapability?:- algorithmOIDs?:- integrity?:-
    integrityCheckValue?:- supportsAltGK?:NULL featureSet?:FeatureSet genericData?:[Generic] supportsAssignedGK:BOOL
    assignedGatekeeper?:-}
GCF = {requestSeqNum:1..65535 protocolIdentifier:OID nonStandardData?:NonStandard gatekeeperIdentifier?:BMP(1..128)
    rasAddress:TransportAddress ... alternateGatekeeper?:[AlternateGK] authenticationMode?:- tokens?:- cryptoTokens?:-
    algorithmOID?:- integrity?:- integrityCheckValue?:- featureSet?:FeatureSet genericData?:[Generic]
    assignedGatekeeper?:- rehomingModel?:-}
GRJ = {requestSeqNum:1..65535 protocolIdentifier:OID nonStandardData?:NonStandard gatekeeperIdentifier?:BMP(1..128)
    rejectReason:<resourceUnavailable terminalExcluded invalidRevision undefinedReason ... securityDenial
    genericDataReason neededFeatureNotSupported securityError:-> ... altGKInfo?:AltGKInfo tokens?:- cryptoTokens?:-
    integrityCheckValue?:- featureSet?:FeatureSet genericData?:[Generic]}
RRQ = {requestSeqNum:1..65535 protocolIdentifier:OID nonStandardData?:NonStandard discoveryComplete:BOOL
    callSignalAddress:[TransportAddress] rasAddress:[TransportAddress] terminalType:EndpointType terminalAlias?:[Alias]
    gatekeeperIdentifier?:BMP(1..128) endpointVendor:Vendor ... alternateEndpoints?:- timeToLive?:1..4294967295
    tokens?:- cryptoTokens?:- integrityCheckValue?:- keepAlive:BOOL endpointIdentifier?:BMP(1..128)
    willSupplyUUIEs:BOOL maintainConnection:BOOL alternateTransportAddresses?:- additiveRegistration?:NULL
    terminalAliasPattern?:- supportsAltGK?:NULL usageReportingCapability?:- multipleCalls?:BOOL
    supportedH248Packages?:- callCreditCapability?:- capacityReportingCapability?:- capacity?:- featureSet?:FeatureSet
    genericData?:[Generic] restart?:NULL supportsACFSequences?:NULL supportsAssignedGK:BOOL assignedGatekeeper?:-
    transportQOS?:- language?:-}
RCF = {requestSeqNum:1..65535 protocolIdentifier:OID nonStandardData?:NonStandard callSignalAddress:[TransportAddress]
    terminalAlias?:[Alias] gatekeeperIdentifier?:BMP(1..128) endpointIdentifier:BMP(1..128) ...
    alternateGatekeeper?:[AlternateGK] timeToLive?:1..4294967295 tokens?:- cryptoTokens?:- integrityCheckValue?:-
    willRespondToIRR:BOOL preGrantedARQ?:- maintainConnection:BOOL serviceControl?:- supportsAdditiveRegistration?:NULL
    terminalAliasPattern?:- supportedPrefixes?:- usageSpec?:- featureServerAlias?:- capacityReportingSpec?:-
    featureSet?:FeatureSet genericData?:[Generic] assignedGatekeeper?:- rehomingModel?:- transportQOS?:- language?:-}
RRJ = {requestSeqNum:1..65535 protocolIdentifier:OID nonStandardData?:NonStandard rejectReason:<discoveryRequired
    invalidRevision invalidCallSignalAddress invalidRASAddress duplicateAlias:[Alias] invalidTerminalType
    undefinedReason transportNotSupported ... transportQOSNotSupported resourceUnavailable invalidAlias securityDenial
    fullRegistrationRequired additiveRegistrationNotSupported invalidTerminalAliases:- genericDataReason
    neededFeatureNotSupported securityError:- registerWithAssignedGK> gatekeeperIdentifier?:BMP(1..128) ...
    altGKInfo?:AltGKInfo tokens?:- cryptoTokens?:- integrityCheckValue?:- featureSet?:FeatureSet
    genericData?:[Generic] assignedGatekeeper?:-}
URQ = {requestSeqNum:1..65535 callSignalAddress:[TransportAddress] endpointAlias?:[Alias] nonStandardData?:NonStandard
    endpointIdentifier?:BMP(1..128) ... alternateEndpoints?:- gatekeeperIdentifier?:BMP(1..128) tokens?:-
    cryptoTokens?:- integrityCheckValue?:- reason?:<reregistrationRequired ttlExpired securityDenial undefinedReason
    ... maintenance securityError:- registerWithAssignedGK> endpointAliasPattern?:- supportedPrefixes?:-
    alternateGatekeeper?:- genericData?:[Generic] assignedGatekeeper?:-}
UCF = {requestSeqNum:1..65535 nonStandardData?:NonStandard ... tokens?:- cryptoTokens?:- integrityCheckValue?:-
    genericData?:[Generic] assignedGatekeeper?:-}
URJ = {requestSeqNum:1..65535 rejectReason:<notCurrentlyRegistered callInProgress undefinedReason ... permissionDenied
    securityDenial securityError:-> nonStandardData?:NonStandard ... altGKInfo?:AltGKInfo tokens?:- cryptoTokens?:-
    integrityCheckValue?:- genericData?:[Generic]}
ARQ = {requestSeqNum:1..65535 callType:CallType callModel?:CallModel endpointIdentifier:BMP(1..128)
    destinationInfo?:[Alias] destCallSignalAddress?:TransportAddress destExtraCallInfo?:[Alias] srcInfo:[Alias]
    srcCallSignalAddress?:TransportAddress bandWidth:0..4294967295 callReferenceValue:0..65535
    nonStandardData?:NonStandard callServices?:Qseries conferenceID:OCTETS(16) activeMC:BOOL answerCall:BOOL ...
    canMapAlias:BOOL callIdentifier:CallId srcAlternatives?:- destAlternatives?:- gatekeeperIdentifier?:BMP(1..128)
    tokens?:- cryptoTokens?:- integrityCheckValue?:- transportQOS?:- willSupplyUUIEs:BOOL callLinkage?:-
    gatewayDataRate?:- capacity?:- circuitInfo?:- desiredProtocols?:- desiredTunnelledProtocol?:-
    featureSet?:FeatureSet genericData?:[Generic] canMapSrcAlias:BOOL}
ACF = {requestSeqNum:1..65535 bandWidth:0..4294967295 callModel:CallModel destCallSignalAddress:TransportAddress
    irrFrequency?:1..65535 nonStandardData?:NonStandard ... destinationInfo?:[Alias] destExtraCallInfo?:[Alias]
    destinationType?:- remoteExtensionAddress?:- alternateEndpoints?:- tokens?:- cryptoTokens?:- integrityCheckValue?:-
    transportQOS?:- willRespondToIRR:BOOL uuiesRequested:- language?:- alternateTransportAddresses?:-
    useSpecifiedTransport?:- circuitInfo?:- usageSpec?:- supportedProtocols?:- serviceControl?:- multipleCalls?:BOOL
    featureSet?:FeatureSet genericData?:[Generic] modifiedSrcInfo?:[Alias] assignedGatekeeper?:-}
ARJ = {requestSeqNum:1..65535 rejectReason:<calledPartyNotRegistered invalidPermission requestDenied undefinedReason
    callerNotRegistered routeCallToGatekeeper invalidEndpointIdentifier resourceUnavailable ... securityDenial
    qosControlNotSupported incompleteAddress aliasesInconsistent routeCallToSCN:- exceedsCallCapacity collectDestination
    collectPIN genericDataReason neededFeatureNotSupported securityError:- securityDHmismatch noRouteToDestination
    unallocatedNumber registerWithAssignedGK> nonStandardData?:NonStandard ... altGKInfo?:AltGKInfo tokens?:-
    cryptoTokens?:- callSignalAddress?:[TransportAddress] integrityCheckValue?:- serviceControl?:-
    featureSet?:FeatureSet genericData?:[Generic] assignedGatekeeper?:-}
BRQ = {requestSeqNum:1..65535 endpointIdentifier:BMP(1..128) conferenceID:OCTETS(16) callReferenceValue:0..65535
    callType?:CallType bandWidth:0..4294967295 nonStandardData?:NonStandard ... callIdentifier:CallId
    gatekeeperIdentifier?:BMP(1..128) tokens?:- cryptoTokens?:- integrityCheckValue?:- answeredCall:BOOL callLinkage?:-
    capacity?:- usageInformation?:- bandwidthDetails?:- genericData?:[Generic] transportQOS?:-}
BCF = {requestSeqNum:1..65535 bandWidth:0..4294967295 nonStandardData?:NonStandard ... tokens?:- cryptoTokens?:-
    integrityCheckValue?:- capacity?:- genericData?:[Generic] transportQOS?:-}
BRJ = {requestSeqNum:1..65535 rejectReason:<notBound invalidConferenceID invalidPermission insufficientResources
    invalidRevision undefinedReason ... securityDenial securityError:-> allowedBandWidth:0..4294967295
    nonStandardData?:NonStandard ... altGKInfo?:AltGKInfo tokens?:- cryptoTokens?:- integrityCheckValue?:-
    genericData?:[Generic]}
DRQ = {requestSeqNum:1..65535 endpointIdentifier:BMP(1..128) conferenceID:OCTETS(16) callReferenceValue:0..65535
    disengageReason:<forcedDrop normalDrop undefinedReason ...> nonStandardData?:NonStandard ... callIdentifier:CallId
    gatekeeperIdentifier?:BMP(1..128) tokens?:- cryptoTokens?:- integrityCheckValue?:- answeredCall:BOOL callLinkage?:-
    capacity?:- circuitInfo?:- usageInformation?:- terminationCause?:- serviceControl?:- genericData?:[Generic]}
DCF = {requestSeqNum:1..65535 nonStandardData?:NonStandard ... tokens?:- cryptoTokens?:- integrityCheckValue?:-
    capacity?:- circuitInfo?:- usageInformation?:- genericData?:[Generic] assignedGatekeeper?:-}
DRJ = {requestSeqNum:1..65535 rejectReason:<notRegistered requestToDropOther ... securityDenial securityError:->
    nonStandardData?:NonStandard ... altGKInfo?:AltGKInfo tokens?:- cryptoTokens?:- integrityCheckValue?:-
    genericData?:[Generic]}
LRQ = {requestSeqNum:1..65535 endpointIdentifier?:BMP(1..128) destinationInfo:[Alias] nonStandardData?:NonStandard
    replyAddress:TransportAddress ... sourceInfo?:[Alias] canMapAlias:BOOL gatekeeperIdentifier?:BMP(1..128) tokens?:-
    cryptoTokens?:- integrityCheckValue?:- desiredProtocols?:- desiredTunnelledProtocol?:- featureSet?:FeatureSet
    genericData?:[Generic] hopCount?:1..255 circuitInfo?:- callIdentifier?:CallId bandWidth?:- sourceEndpointInfo?:-
    canMapSrcAlias:BOOL language?:-}
LCF = {requestSeqNum:1..65535 callSignalAddress:TransportAddress rasAddress:TransportAddress
    nonStandardData?:NonStandard ... destinationInfo?:[Alias] destExtraCallInfo?:[Alias] destinationType?:-
    remoteExtensionAddress?:- alternateEndpoints?:- tokens?:- cryptoTokens?:- integrityCheckValue?:-
    alternateTransportAddresses?:- supportedProtocols?:- multipleCalls?:BOOL featureSet?:FeatureSet
    genericData?:[Generic] circuitInfo?:- serviceControl?:- modifiedSrcInfo?:- bandWidth?:- language?:-}
LRJ = {requestSeqNum:1..65535 rejectReason:<notRegistered invalidPermission requestDenied undefinedReason ...
    securityDenial aliasesInconsistent routeCalltoSCN:- resourceUnavailable genericDataReason
    neededFeatureNotSupported hopCountExceeded incompleteAddress securityError:- securityDHmismatch
    noRouteToDestination unallocatedNumber> nonStandardData?:NonStandard ... altGKInfo?:AltGKInfo tokens?:-
    cryptoTokens?:- integrityCheckValue?:- featureSet?:FeatureSet genericData?:[Generic] serviceControl?:-}
IRQ = {requestSeqNum:1..65535 callReferenceValue:0..65535 nonStandardData?:NonStandard replyAddress?:TransportAddress
    ... callIdentifier:CallId tokens?:- cryptoTokens?:- integrityCheckValue?:- uuiesRequested?:- callLinkage?:-
    usageInfoRequested?:- segmentedResponseSupported?:NULL nextSegmentRequested?:- capacityInfoRequested?:NULL
    genericData?:[Generic] assignedGatekeeper?:-}
IRR = {nonStandardData?:NonStandard requestSeqNum:1..65535 endpointType:EndpointType endpointIdentifier:BMP(1..128)
    rasAddress:TransportAddress callSignalAddress:[TransportAddress] endpointAlias?:[Alias]
    perCallInfo?:[{nonStandardData?:NonStandard callReferenceValue:0..65535 conferenceID:OCTETS(16) originator?:BOOL
    audio?:[Rtp] video?:[Rtp] data?:[Channel] h245:Channel callSignaling:Channel callType:CallType
    bandWidth:0..4294967295 callModel:CallModel ... callIdentifier:CallId tokens?:- cryptoTokens?:-
    substituteConfIDs:[OCTETS(16)] pdu?:- callLinkage?:- usageInformation?:- circuitInfo?:-}] ... tokens?:-
    cryptoTokens?:- integrityCheckValue?:- needResponse:BOOL capacity?:- irrStatus?:<complete incomplete
    segment:0..65535 invalidCall ...> unsolicited:BOOL genericData?:[Generic]}
NSM = {requestSeqNum:1..65535 nonStandardData:NonStandard ... tokens?:- cryptoTokens?:- integrityCheckValue?:-
    featureSet?:FeatureSet genericData?:[Generic]}
XRS = {requestSeqNum:1..65535 ... tokens?:- cryptoTokens?:- integrityCheckValue?:- messageNotUnderstood:OCTETS}
RIP = {requestSeqNum:1..65535 nonStandardData?:NonStandard tokens?:- cryptoTokens?:- integrityCheckValue?:-
    delay:1..65535 ...}
RAI = {requestSeqNum:1..65535 protocolIdentifier:OID nonStandardData?:NonStandard endpointIdentifier:BMP(1..128)
    protocols:[Protocols] almostOutOfResources:BOOL tokens?:- cryptoTokens?:- integrityCheckValue?:- ... capacity?:-
    genericData?:[Generic]}
RAC = {requestSeqNum:1..65535 protocolIdentifier:OID nonStandardData?:NonStandard tokens?:- cryptoTokens?:-
    integrityCheckValue?:- ... genericData?:[Generic]}
IACK = {requestSeqNum:1..65535 nonStandardData?:NonStandard tokens?:- cryptoTokens?:- integrityCheckValue?:- ...}
INAK = {requestSeqNum:1..65535 nonStandardData?:NonStandard nakReason:<notRegistered securityDenial undefinedReason ...
    securityError:-> altGKInfo?:AltGKInfo tokens?:- cryptoTokens?:- integrityCheckValue?:- ...}
SCI = {requestSeqNum:1..65535 nonStandardData?:NonStandard serviceControl:[Session] endpointIdentifier?:BMP(1..128)
    callSpecific?:{callIdentifier:CallId conferenceID:OCTETS(16) answeredCall:BOOL ...} tokens?:- cryptoTokens?:-
    integrityCheckValue?:- featureSet?:FeatureSet genericData?:[Generic] ...}
SCR = {requestSeqNum:1..65535 result?:<started failed stopped notAvailable neededFeatureNotSupported ...>
    nonStandardData?:NonStandard tokens?:- cryptoTokens?:- integrityCheckValue?:- featureSet?:FeatureSet
    genericData?:[Generic] ...}
IncomingCallIndication = {callSignallingAddress:TransportAddress callID:CallId ...}

UserInformation = {h323-uu-pdu:UuPdu user-data?:{protocol-discriminator:0..255 user-information:OCTETS(1..131) ...} ...}
UuPdu = {h323-message-body:<setup:Setup callProceeding:Proceeding connect:Connect alerting:Alerting
    information:Information releaseComplete:Release facility:Facility ... progress:Progress empty status:Status
    statusInquiry:Status setupAcknowledge:Status notify:Notify> nonStandardData?:NonStandard ...
    h4501SupplementaryService?:[OCTETS] h245Tunneling:BOOL h245Control?:[OCTETS] nonStandardControl?:- callLinkage?:-
    tunnelledSignallingMessage?:- provisionalRespToH245Tunneling?:NULL stimulusControl?:- genericData?:[Generic]}
Reason = <noBandwidth gatekeeperResources unreachableDestination destinationRejection invalidRevision noPermission
    unreachableGatekeeper gatewayResources badFormatAddress adaptiveBusy inConf undefinedReason ...
    facilityCallDeflection securityDenied calledPartyNotRegistered callerNotRegistered newConnectionNeeded
    nonStandardReason:- replaceWithConferenceInvite:- genericDataReason neededFeatureNotSupported
    tunnelledSignallingRejected invalidCID securityError:- hopCountExceeded>
Setup = {protocolIdentifier:OID h245Address?:TransportAddress sourceAddress?:[Alias] sourceInfo:EndpointType
    destinationAddress?:[Alias] destCallSignalAddress?:TransportAddress destExtraCallInfo?:[Alias]
    destExtraCRV?:[0..65535] activeMC:BOOL conferenceID:OCTETS(16) conferenceGoal:<create join invite ...
    capability-negotiation callIndependentSupplementaryService> callServices?:Qseries callType:CallType ...
    sourceCallSignalAddress?:TransportAddress remoteExtensionAddress?:- callIdentifier:CallId
    h245SecurityCapability?:- tokens?:- cryptoTokens?:- fastStart?:[OCTETS] mediaWaitForConnect:BOOL
    canOverlapSend:BOOL endpointIdentifier?:BMP(1..128) multipleCalls:BOOL maintainConnection:BOOL
    connectionParameters?:- language?:- presentationIndicator?:- screeningIndicator?:- serviceControl?:-
    symmetricOperationRequired?:- capacity?:- circuitInfo?:- desiredProtocols?:- neededFeatures?:[Generic]
    desiredFeatures?:[Generic] supportedFeatures?:[Generic] parallelH245Control?:[OCTETS] additionalSourceAddresses?:-
    hopCount?:- displayName?:-}
Proceeding = {protocolIdentifier:OID destinationInfo:EndpointType h245Address?:TransportAddress ...
    callIdentifier:CallId h245SecurityMode?:- tokens?:- cryptoTokens?:- fastStart?:[OCTETS] multipleCalls:BOOL
    maintainConnection:BOOL fastConnectRefused?:NULL featureSet?:FeatureSet}
Alerting = {protocolIdentifier:OID destinationInfo:EndpointType h245Address?:TransportAddress ... callIdentifier:CallId
    h245SecurityMode?:- tokens?:- cryptoTokens?:- fastStart?:[OCTETS] multipleCalls:BOOL maintainConnection:BOOL
    alertingAddress?:[Alias] presentationIndicator?:- screeningIndicator?:- fastConnectRefused?:NULL serviceControl?:-
    capacity?:- featureSet?:FeatureSet displayName?:-}
Connect = {protocolIdentifier:OID h245Address?:TransportAddress destinationInfo:EndpointType conferenceID:OCTETS(16) ...
    callIdentifier:CallId h245SecurityMode?:- tokens?:- cryptoTokens?:- fastStart?:[OCTETS] multipleCalls:BOOL
    maintainConnection:BOOL language?:- connectedAddress?:[Alias] presentationIndicator?:- screeningIndicator?:-
    fastConnectRefused?:NULL serviceControl?:- capacity?:- featureSet?:FeatureSet displayName?:-}
Information = {protocolIdentifier:OID ... callIdentifier:CallId tokens?:- cryptoTokens?:- fastStart?:[OCTETS]
    fastConnectRefused?:NULL circuitInfo?:-}
Release = {protocolIdentifier:OID reason?:Reason ... callIdentifier:CallId tokens?:- cryptoTokens?:-
    busyAddress?:[Alias] presentationIndicator?:- screeningIndicator?:- capacity?:- serviceControl?:-
    featureSet?:FeatureSet destinationInfo?:- displayName?:-}
Facility = {protocolIdentifier:OID alternativeAddress?:TransportAddress alternativeAliasAddress?:[Alias]
    conferenceID?:OCTETS(16) reason:<routeCallToGatekeeper callForwarded routeCallToMC undefinedReason ...
    conferenceListChoice startH245 noH245 newTokens featureSetUpdate forwardedElements transportedInformation> ...
    callIdentifier:CallId destExtraCallInfo?:- remoteExtensionAddress?:- tokens?:- cryptoTokens?:- conferences?:-
    h245Address?:TransportAddress fastStart?:[OCTETS] multipleCalls:BOOL maintainConnection:BOOL
    fastConnectRefused?:NULL serviceControl?:- circuitInfo?:- featureSet?:FeatureSet destinationInfo?:-
    h245SecurityMode?:-}
Progress = {protocolIdentifier:OID destinationInfo:EndpointType h245Address?:TransportAddress callIdentifier:CallId
    h245SecurityMode?:- tokens?:- cryptoTokens?:- fastStart?:[OCTETS] ... multipleCalls:BOOL maintainConnection:BOOL
    fastConnectRefused?:NULL}
Status = {protocolIdentifier:OID callIdentifier:CallId tokens?:- cryptoTokens?:- ...}
Notify = {protocolIdentifier:OID callIdentifier:CallId tokens?:- cryptoTokens?:- ... connectedAddress?:[Alias]
    presentationIndicator?:- screeningIndicator?:- destinationInfo?:- displayName?:-}
"""

_H245 = """
Message = <request:Request response:Response command:Command indication:Indication ...>
Request = <nonStandard:- masterSlaveDetermination:{terminalType:0..255 statusDeterminationNumber:0..16777215 ...}
    terminalCapabilitySet:CapabilitySet openLogicalChannel:OpenChannel
    closeLogicalChannel:{forwardLogicalChannelNumber:1..65535 source:<user lcse> ... reason:<unknown reopen
    reservationFailure ...>} requestChannelClose:{forwardLogicalChannelNumber:1..65535 ... qosCapability?:- reason:-}
    multiplexEntrySend:- requestMultiplexEntry:- requestMode:{sequenceNumber:0..255 requestedModes:[[Mode 1..256]
    1..256] ...} roundTripDelayRequest:Numbered maintenanceLoopRequest:- ... communicationModeRequest:-
    conferenceRequest:- multilinkRequest:- logicalChannelRateRequest:- genericRequest:->
Response = <nonStandard:- masterSlaveDeterminationAck:{decision:<master slave> ...}
    masterSlaveDeterminationReject:{cause:<identicalNumbers ...> ...}
    terminalCapabilitySetAck:{sequenceNumber:0..255 ... genericInformation?:-}
    terminalCapabilitySetReject:{sequenceNumber:0..255 cause:- ...}
    openLogicalChannelAck:OpenAck openLogicalChannelReject:{forwardLogicalChannelNumber:1..65535 cause:<unspecified
    unsuitableReverseParameters dataTypeNotSupported dataTypeNotAvailable unknownDataType
    dataTypeALCombinationNotSupported ... multicastChannelNotAllowed insufficientBandwidth
    separateStackEstablishmentFailed invalidSessionID masterSlaveConflict waitForCommunicationMode
    invalidDependentChannel replacementForRejected securityDenied qoSControlNotSupported> ... genericInformation?:-}
    closeLogicalChannelAck:{forwardLogicalChannelNumber:1..65535 ...}
    requestChannelCloseAck:{forwardLogicalChannelNumber:1..65535 ...} requestChannelCloseReject:-
    multiplexEntrySendAck:- multiplexEntrySendReject:- requestMultiplexEntryAck:- requestMultiplexEntryReject:-
    requestModeAck:{sequenceNumber:0..255 response:<willTransmitMostPreferredMode willTransmitLessPreferredMode ...>
    ...} requestModeReject:{sequenceNumber:0..255 cause:<modeUnavailable multipointConstraint requestDenied ...> ...}
    roundTripDelayResponse:Numbered maintenanceLoopAck:- maintenanceLoopReject:- ... communicationModeResponse:-
    conferenceResponse:- multilinkResponse:- logicalChannelRateAcknowledge:- logicalChannelRateReject:-
    genericResponse:->
Command = <nonStandard:- maintenanceLoopOffCommand:- sendTerminalCapabilitySet:- encryptionCommand:-
    flowControlCommand:{scope:<logicalChannelNumber:1..65535 resourceID:0..65535 wholeMultiplex>
    restriction:<maximumBitRate:0..16777215 noRestriction> ...}
    endSessionCommand:<nonStandard:NonStandard disconnect gstnOptions:- ... isdnOptions:- genericInformation:->
    miscellaneousCommand:- ... communicationModeCommand:- conferenceCommand:- h223MultiplexReconfiguration:-
    newATMVCCommand:- mobileMultilinkReconfigurationCommand:- genericCommand:->
Indication = <nonStandard:- functionNotUnderstood:- masterSlaveDeterminationRelease:{...}
    terminalCapabilitySetRelease:{... genericInformation?:-}
    openLogicalChannelConfirm:{forwardLogicalChannelNumber:1..65535 ... genericInformation?:-}
    requestChannelCloseRelease:- multiplexEntrySendRelease:- requestMultiplexEntryRelease:- requestModeRelease:{...}
    miscellaneousIndication:- jitterIndication:- h223SkewIndication:- newATMVCIndication:- userInput:<nonStandard:-
    alphanumeric:GENERAL ... userInputSupportIndication:- signal:{signalType:IA5(1) duration?:1..65535 rtp?:- ...
    rtpPayloadIndication?:- paramS?:- encryptedSignalType?:- algorithmOID?:-} signalUpdate:- extendedAlphanumeric:-
    encryptedAlphanumeric:- genericInformation:-> ... h2250MaximumSkewIndication:- mcLocationIndication:-
    conferenceIndication:- vendorIdentification:- functionNotSupported:- multilinkIndication:-
    logicalChannelRateRelease:- flowControlIndication:- mobileMultilinkReconfigurationIndication:-
    genericIndication:->
Numbered = {sequenceNumber:0..255 ...}
NonStandard = {nonStandardIdentifier:<object:OID h221NonStandard:{t35CountryCode:0..255 t35Extension:0..255
    manufacturerCode:0..65535}> data:OCTETS}
CapabilitySet = {sequenceNumber:0..255 protocolIdentifier:OID multiplexCapability?:<nonStandard:NonStandard
    h222Capability:- h223Capability:- v76Capability:- ... h2250Capability:H2250 genericMultiplexCapability:->
    capabilityTable?:[{capabilityTableEntryNumber:1..65535 capability?:Capability} 1..256]
    capabilityDescriptors?:[{capabilityDescriptorNumber:0..255 simultaneousCapabilities?:[[1..65535 1..256] 1..256]}
    1..256] ... genericInformation?:-}
Capability = <nonStandard:NonStandard receiveVideoCapability:- transmitVideoCapability:-
    receiveAndTransmitVideoCapability:- receiveAudioCapability:Audio transmitAudioCapability:Audio
    receiveAndTransmitAudioCapability:Audio receiveDataApplicationCapability:Data
    transmitDataApplicationCapability:Data receiveAndTransmitDataApplicationCapability:Data
    h233EncryptionTransmitCapability:BOOL h233EncryptionReceiveCapability:- ... conferenceCapability:-
    h235SecurityCapability:{encryptionAuthenticationAndIntegrity:Integrity mediaCapability:1..65535 ...}
    maxPendingReplacementFor:- receiveUserInputCapability:UserInput
    transmitUserInputCapability:UserInput receiveAndTransmitUserInputCapability:UserInput genericControlCapability:-
    receiveMultiplexedStreamCapability:- transmitMultiplexedStreamCapability:-
    receiveAndTransmitMultiplexedStreamCapability:- receiveRTPAudioTelephonyEventCapability:-
    receiveRTPAudioToneCapability:- depFecCapability:- multiplePayloadStreamCapability:- fecCapability:-
    redundancyEncodingCap:- oneOfCapabilities:->
UserInput = <nonStandard:[NonStandard 1..16] basicString iA5String generalString dtmf hookflash ... extendedAlphanumeric
    encryptedBasicString encryptedIA5String encryptedGeneralString secureDTMF genericUserInputCapability:->
Multipoint = {multicastCapability:BOOL multiUniCastConference:BOOL
    mediaDistributionCapability:[{centralizedControl:BOOL distributedControl:BOOL centralizedAudio:BOOL
    distributedAudio:BOOL centralizedVideo:BOOL distributedVideo:BOOL centralizedData?:[Data] distributedData?:[Data]
    ...}] ...}
H2250 = {maximumAudioDelayJitter:0..1023 receiveMultipointCapability:Multipoint transmitMultipointCapability:Multipoint
    receiveAndTransmitMultipointCapability:Multipoint mcCapability:{centralizedConferenceMC:BOOL
    decentralizedConferenceMC:BOOL ...} rtcpVideoControlCapability:BOOL
    mediaPacketizationCapability:{h261aVideoPacketization:BOOL ... rtpPayloadType?:-} ... transportCapability?:-
    redundancyEncodingCapability?:- logicalChannelSwitchingCapability:BOOL t120DynamicPortCapability:BOOL}
Gsm = {audioUnitSize:1..256 comfortNoise:BOOL scrambled:BOOL ...}
Audio = <nonStandard:NonStandard g711Alaw64k:1..256 g711Alaw56k:1..256 g711Ulaw64k:1..256 g711Ulaw56k:1..256
    g722-64k:1..256 g722-56k:1..256 g722-48k:1..256 g7231:{maxAl-sduAudioFrames:1..256 silenceSuppression:BOOL}
    g728:1..256 g729:1..256 g729AnnexA:1..256 is11172AudioCapability:- is13818AudioCapability:- ... g729wAnnexB:1..256
    g729AnnexAwAnnexB:1..256 g7231AnnexCCapability:- gsmFullRate:Gsm gsmHalfRate:Gsm gsmEnhancedFullRate:Gsm
    genericAudioCapability:- g729Extensions:- vbd:- audioTelephonyEvent:- audioTone:- extendedAudioCapability:->
Protocol = <nonStandard:NonStandard v14buffered v42lapm hdlcFrameTunnelling h310SeparateVCStack h310SingleVCStack
    transparent ... segmentationAndReassembly hdlcFrameTunnelingwSAR v120 separateLANStack v76wCompression:- tcp udp
    sctp:- udp-dtls-sctp:- tcp-dtls-sctp:- sctp-dtls:->
FaxProfile = {fillBitRemoval:BOOL transcodingJBIG:BOOL transcodingMMR:BOOL ... version:0..255
    t38FaxRateManagement:<localTCF transferredTCF ...> t38FaxUdpOptions?:{t38FaxMaxBuffer?:INT t38FaxMaxDatagram?:INT
    t38FaxUdpEC:<t38UDPFEC t38UDPRedundancy ...>} t38FaxTcpOptions?:-}
Fax = {t38FaxProtocol:Protocol t38FaxProfile:FaxProfile}
Data = {application:<nonStandard:NonStandard t120:Protocol dsm-cc:Protocol userData:Protocol t84:- t434:Protocol
    h224:Protocol nlpid:- dsvdControl h222DataPartitioning:Protocol ... t30fax:Protocol t140:Protocol t38fax:Fax
    genericDataCapability:- dataChannel:- extendedDataApplicationCapability:-> maxBitRate:0..4294967295 ...}
DataMode = {application:<nonStandard:NonStandard t120:Protocol dsm-cc:Protocol userData:Protocol t84:Protocol
    t434:Protocol h224:Protocol nlpid:- dsvdControl h222DataPartitioning:Protocol ... t30fax:Protocol t140:Protocol
    t38fax:Fax genericDataMode:- dataChannel:-> bitRate:0..4294967295 ...}
AudioMode = <nonStandard:NonStandard g711Alaw64k g711Alaw56k g711Ulaw64k g711Ulaw56k g722-64k g722-56k g722-48k g728
    g729 g729AnnexA g7231:<noSilenceSuppressionLowRate noSilenceSuppressionHighRate silenceSuppressionLowRate
    silenceSuppressionHighRate> is11172AudioMode:- is13818AudioMode:- ... g729wAnnexB:1..256>
Mode = {type:<nonStandard:NonStandard videoMode:- audioMode:AudioMode dataMode:DataMode encryptionMode:- ... h235Mode:->
    h223ModeParameters?:- ... v76ModeParameters?:- h2250ModeParameters?:- genericModeParameters?:-
    multiplexedStreamModeParameters?:- logicalChannelNumber?:1..65535}
DataType = <nonStandard:NonStandard nullData videoData:- audioData:Audio data:Data encryptionData:- ...
    h235Control:- h235Media:Secured multiplexedStream:- redundancyEncoding:- multiplePayloadStream:- depFec:- fec:->
GenericCapability = {capabilityIdentifier:<standard:OID h221NonStandard:NonStandard uuid:OCTETS(16)
    domainBased:IA5(1..64) ...> maxBitRate?:0..4294967295 collapsing?:[Parameter] nonCollapsing?:[Parameter]
    nonCollapsingRaw?:OCTETS transport?:Protocol ...}
Integrity = {encryptionCapability?:- authenticationCapability?:- integrityCapability?:- ...
    genericH235SecurityCapability?:GenericCapability}
Secured = {encryptionAuthenticationAndIntegrity:Integrity mediaType:<nonStandard:NonStandard videoData:- audioData:Audio
    data:Data ... redundancyEncoding:- multiplePayloadStream:- depFec:- fec:-> ...}
Sync = {nonStandard?:NonStandard synchFlag:0..255 h235Key:OCTETS(1..65535) escrowentry?:- ... genericParameter?:-}
H235Key = <secureChannel:- sharedSecret:- certProtectedKey:- ... secureSharedSecret:KeyMaterial secureChannelExt:->
KeyMaterial = {generalID?:BMP(1..128) algorithmOID?:OID paramS:{ranInt?:INT iv8?:OCTETS(8) ... iv16?:- iv?:-
    clearSalt?:-} encryptedSessionKey?:OCTETS encryptedSaltingKey?:OCTETS clearSaltingKey?:OCTETS paramSsalt?:-
    keyDerivationOID?:OID ... genericKeyMaterial?:OCTETS}
CryptoCapability = [{cryptoSuite?:OID sessionParams?:{kdr?:0..24 unencryptedSrtp?:BOOL unencryptedSrtcp?:BOOL
    unauthenticatedSrtp?:BOOL fecOrder?:{fecBeforeSrtp?:NULL fecAfterSrtp?:NULL ...} windowSizeHint?:64..65535
    newParameter?:- ...} allowMKI?:BOOL ...}]
SrtpKeys = [{masterKey:OCTETS masterSalt:OCTETS lifetime?:<powerOfTwo:INT specific:INT ...>
    mki?:{length:1..128 value:OCTETS ...} ...}]
Ip = {network:OCTETS(4) tsapIdentifier:0..65535 ...}
Unicast = <iPAddress:Ip iPXAddress:{node:OCTETS(6) netnum:OCTETS(4) tsapIdentifier:OCTETS(2) ...}
    iP6Address:{network:OCTETS(16) tsapIdentifier:0..65535 ...} netBios:OCTETS(16) iPSourceRouteAddress:- ...
    nsap:OCTETS(1..20) nonStandardAddress:->
TransportAddress = <unicastAddress:Unicast multicastAddress:- ...>
Media = {nonStandard?:[NonStandard] sessionID:0..255 associatedSessionID?:1..255 mediaChannel?:TransportAddress
    mediaGuaranteedDelivery?:BOOL mediaControlChannel?:TransportAddress mediaControlGuaranteedDelivery?:BOOL
    silenceSuppression?:BOOL destination?:{mcuNumber:0..192 terminalNumber:0..192 ...} dynamicRTPPayloadType?:96..127
    mediaPacketization?:<h261aVideoPacketization ... rtpPayloadType:-> ... transportCapability?:- redundancyEncoding?:-
    source?:- nominalAudioLevel?:-}
MediaAck = {nonStandard?:[NonStandard] sessionID?:1..255 mediaChannel?:TransportAddress
    mediaControlChannel?:TransportAddress dynamicRTPPayloadType?:96..127 ... flowControlToZero:BOOL
    portNumber?:0..65535 multiplePayloadStream?:-}
Generic = {messageIdentifier:<standard:OID h221NonStandard:NonStandard uuid:OCTETS(16) domainBased:IA5(1..64) ...>
    subMessageIdentifier?:0..127 messageContent?:[Parameter] ...}
Identifier = <standard:0..127 h221NonStandard:NonStandard uuid:OCTETS(16) domainBased:IA5(1..64) ...>
Parameter = {parameterIdentifier:Identifier parameterValue:<logical booleanArray:0..255 unsignedMin:0..65535
    unsignedMax:0..65535 unsigned32Min:0..4294967295 unsigned32Max:0..4294967295 octetString:OCTETS
    genericParameter:[Parameter] ...> supersedes?:[Identifier] ...}
TraversalParameters = {multiplexedMediaChannel?:TransportAddress multiplexedMediaControlChannel?:TransportAddress
    multiplexID?:0..4294967295 keepAliveChannel?:TransportAddress keepAlivePayloadType?:0..127
    keepAliveInterval?:1..4294967295 ...}
OpenChannel = {forwardLogicalChannelNumber:1..65535 forwardLogicalChannelParameters:{portNumber?:0..65535
    dataType:DataType multiplexParameters:<h222LogicalChannelParameters:- h223LogicalChannelParameters:-
    v76LogicalChannelParameters:- ... h2250LogicalChannelParameters:Media none> ...
    forwardLogicalChannelDependency?:1..65535 replacementFor?:1..65535}
    reverseLogicalChannelParameters?:{dataType:DataType multiplexParameters?:<h223LogicalChannelParameters:-
    v76LogicalChannelParameters:- ... h2250LogicalChannelParameters:Media> ...
    reverseLogicalChannelDependency?:1..65535 replacementFor?:1..65535} ... separateStack?:- encryptionSync?:Sync
    genericInformation?:[Generic]}
OpenAck = {forwardLogicalChannelNumber:1..65535 reverseLogicalChannelParameters?:{reverseLogicalChannelNumber:1..65535
    portNumber?:0..65535 multiplexParameters?:<h222LogicalChannelParameters:- ... h2250LogicalChannelParameters:Media>
    ... replacementFor?:1..65535} ... separateStack?:-
    forwardMultiplexAckParameters?:<h2250LogicalChannelAckParameters:MediaAck ...> encryptionSync?:-
    genericInformation?:[Generic] dtlsSecurityCapability?:-}
"""

H225 = Types(_H225)
H245 = Types(_H245)
