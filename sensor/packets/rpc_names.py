"""Names of remote procedures: interface ids to endpoints, operation numbers to operations.

Interfaces that administration and lateral movement go through; spelled as in Zeek's dce_rpc.log
(base/protocols/dce-rpc/consts.zeek), numbers as in Microsoft's specifications: MS-SAMR, MS-LSAT and MS-LSAD, MS-SRVS,
MS-SCMR, MS-TSCH, MS-DRSR, MS-RRP, MS-WKST, MS-NRPC, MS-DCOM, MS-WMI, MS-EVEN, MS-RPRN, C706 appendix O. An operation
that is not listed is `unknown-` and its number.
"""

ENDPOINTS = {
    "367abb81-9844-35f1-ad32-98f038001003": "svcctl",
    "86d35949-83c9-4044-b424-db363231fd0c": "ITaskSchedulerService",
    "378e52b0-c0a9-11cf-822d-00aa0051e40f": "sasec",
    "1ff70682-0a51-30e8-076d-740be8cee98b": "atsvc",
    "0a74ef1c-41a4-4e06-83ae-dc74fb1cdd53": "idletask",
    "afa8bd80-7d8a-11c9-bef4-08002b102989": "mgmt",
    "f5cc59b4-4264-101a-8c59-08002b2f8426": "FrsRpc",
    "000001a0-0000-0000-c000-000000000046": "IRemoteSCMActivator",
    "00000131-0000-0000-c000-000000000046": "IRemUnknown",
    "00000143-0000-0000-c000-000000000046": "IRemUnknown2",
    "12345778-1234-abcd-ef00-0123456789ab": "lsarpc",
    "12345778-1234-abcd-ef00-0123456789ac": "samr",
    "12345678-1234-abcd-ef00-01234567cffb": "netlogon",
    "12345678-1234-abcd-ef00-0123456789ab": "spoolss",
    "76f03f96-cdfd-44fc-a22c-64950a001209": "IRemoteWinspool",
    "e3514235-4b06-11d1-ab04-00c04fc2dcd2": "drsuapi",
    "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57": "IActivation",
    "99fcfec4-5260-101b-bbcb-00aa0021347a": "IObjectExporter",
    "e1af8308-5d1f-11c9-91a4-08002b14a0fa": "epmapper",
    "4b324fc8-1670-01d3-1278-5a47bf6ee188": "srvsvc",
    "6bffd098-a112-3610-9833-46c3f87e345a": "wkssvc",
    "3919286a-b10c-11d0-9ba8-00c04fd92ef5": "dssetup",
    "338cd001-2244-31f1-aaaa-900038001003": "winreg",
    "82273fdc-e32a-18c3-3f78-827929dc23ea": "eventlog",
    "f6beaff7-1e19-4fbb-9f8f-b89e2018337c": "eventlog6",
    "894de0c0-0d55-11d3-a322-00c04fa321a1": "InitShutdown",
    "d95afe70-a6d5-4259-822e-2c84da1ddb0d": "WindowsShutdown",
    "9556dc99-828c-11cf-a37e-00aa003240c7": "IWbemServices",
    "f309ad18-d86a-11d0-a075-00c04fb68820": "IWbemLevel1Login",
    "d4781cd6-e5d3-44df-ad94-930efe48a887": "IWbemLoginClientID",
    "3dde7c30-165d-11d1-ab8f-00805f14db40": "BackupKey",
    "c681d488-d850-11d0-8c52-00c04fd90f7e": "efsrpc",
    "df1941c5-fe89-4e79-bf10-463657acf44d": "efsrpc",
    "4fc742e0-4a10-11cf-8273-00aa004ae673": "netdfs",
    "a8e0653c-2744-4389-a61d-7373df8b2292": "fssagentrpc",
    "50abc2a4-574d-40b3-9d66-ee4fd5fba076": "dnsserver",
    "91ae6020-9e3c-11cf-8d7c-00aa00c091be": "ICertPassage",
    "f5cc5a18-4264-101a-8c59-08002b2f8426": "nspi",
    "a4f1db00-ca47-1067-b31f-00dd010662da": "exchange_mapi",
    "1544f5e0-613c-11d1-93df-00c04fd7bd09": "exchange_rfr",
    "6bffd098-a112-3610-9833-012892020162": "browser",
    "17fdd703-1827-4e34-79d4-24a55c53bb37": "msgsvc",
    "8d9f4e40-a03d-11ce-8f69-08003e30051b": "pnp",
    "5ca4a760-ebb1-11cf-8611-00a0245420ed": "winstation_rpc",
}
"""Interface id to endpoint; `unknown-` and the id where it is none of these."""

_OPERATIONS: dict[str, str] = {
    "svcctl": "CloseServiceHandle ControlService DeleteService LockServiceDatabase QueryServiceObjectSecurity "
    "SetServiceObjectSecurity QueryServiceStatus SetServiceStatus UnlockServiceDatabase NotifyBootConfigStatus "
    "ScSetServiceBitsW ChangeServiceConfigW CreateServiceW EnumDependentServicesW EnumServicesStatusW OpenSCManagerW "
    "OpenServiceW QueryServiceConfigW QueryServiceLockStatusW StartServiceW GetServiceDisplayNameW GetServiceKeyNameW "
    "ScSetServiceBitsA ChangeServiceConfigA CreateServiceA EnumDependentServicesA EnumServicesStatusA OpenSCManagerA "
    "OpenServiceA QueryServiceConfigA QueryServiceLockStatusA StartServiceA GetServiceDisplayNameA GetServiceKeyNameA "
    "ScGetCurrentGroupStateW EnumServiceGroupW ChangeServiceConfig2A ChangeServiceConfig2W QueryServiceConfig2A "
    "QueryServiceConfig2W QueryServiceStatusEx EnumServicesStatusExA EnumServicesStatusExW - CreateServiceWOW64A "
    "CreateServiceWOW64W - NotifyServiceStatusChange GetNotifyResults CloseNotifyHandle ControlServiceExA "
    "ControlServiceExW - - - - QueryServiceConfigEx - - - CreateWowService - - - OpenSCManager2",
    "ITaskSchedulerService": "SchRpcHighestVersion SchRpcRegisterTask SchRpcRetrieveTask SchRpcCreateFolder "
    "SchRpcSetSecurity SchRpcGetSecurity SchRpcEnumFolder SchRpcEnumTasks SchRpcEnumInstances SchRpcGetInstanceInfo "
    "SchRpcStopInstance SchRpcStop SchRpcRun SchRpcDelete SchRpcRename SchRpcScheduledRuntimes SchRpcGetLastRunInfo "
    "SchRpcGetTaskInfo SchRpcGetNumberOfMissedRuns SchRpcEnableTask",
    "sasec": "SASetAccountInformation SASetNSAccountInformation SAGetNSAccountInformation SAGetAccountInformation",
    "atsvc": "NetrJobAdd NetrJobDel NetrJobEnum NetrJobGetInfo",
    "idletask": "ItSrvRegisterIdleTask ItSrvUnregisterIdleTask ItSrvProcessIdleTasks ItSrvSetDetectionParameters",
    "IRemoteSCMActivator": "QueryInterfaceIRemoteSCMActivator AddRefIRemoteISCMActivator "
    "ReleaseIRemoteISCMActivator RemoteGetClassObject RemoteCreateInstance",
    "IRemUnknown": "QueryInterface AddRef Release RemQueryInterface RemAddRef RemRelease",
    "IRemUnknown2": "QueryInterface AddRef Release RemQueryInterface RemAddRef RemRelease RemQueryInterface2",
    "IActivation": "RemoteActivation",
    "IObjectExporter": "ResolveOxid SimplePing ComplexPing ServerAlive ResolveOxid2 ServerAlive2",
    "epmapper": "ept_insert ept_delete ept_lookup ept_map ept_lookup_handle_free ept_inq_object ept_mgmt_delete",
    "mgmt": "inq_if_ids inq_stats is_server_listening stop_server_listening inq_princ_name",
    "lsarpc": "LsarClose LsarDelete LsarEnumeratePrivileges LsarQuerySecurityObject LsarSetSecurityObject "
    "LsarChangePassword LsarOpenPolicy LsarQueryInformationPolicy LsarSetInformationPolicy LsarClearAuditLog "
    "LsarCreateAccount LsarEnumerateAccounts LsarCreateTrustedDomain LsarEnumerateTrustedDomains LsarLookupNames "
    "LsarLookupSids LsarCreateSecret LsarOpenAccount LsarEnumeratePrivilegesAccount LsarAddPrivilegesToAccount "
    "LsarRemovePrivilegesFromAccount LsarGetQuotasForAccount LsarSetQuotasForAccount LsarGetSystemAccessAccount "
    "LsarSetSystemAccessAccount LsarOpenTrustedDomain LsarQueryInfoTrustedDomain LsarSetInformationTrustedDomain "
    "LsarOpenSecret LsarSetSecret LsarQuerySecret LsarLookupPrivilegeValue LsarLookupPrivilegeName "
    "LsarLookupPrivilegeDisplayName LsarDeleteObject LsarEnumerateAccountsWithUserRight LsarEnumerateAccountRights "
    "LsarAddAccountRights LsarRemoveAccountRights LsarQueryTrustedDomainInfo LsarSetTrustedDomainInfo "
    "LsarDeleteTrustedDomain LsarStorePrivateData LsarRetrievePrivateData LsarOpenPolicy2 LsarGetUserName "
    "LsarQueryInformationPolicy2 LsarSetInformationPolicy2 LsarQueryTrustedDomainInfoByName "
    "LsarSetTrustedDomainInfoByName LsarEnumerateTrustedDomainsEx LsarCreateTrustedDomainEx "
    "LsarCloseTrustedDomainEx LsarQueryDomainInformationPolicy LsarSetDomainInformationPolicy "
    "LsarOpenTrustedDomainByName LsarTestCall LsarLookupSids2 LsarLookupNames2 LsarCreateTrustedDomainEx2 - - - - - - "
    "- - LsarLookupNames3 - - - - LsarQueryForestTrustInformation LsarSetForestTrustInformation - LsarLookupSids3 "
    "LsarLookupNames4 LsarOpenPolicySce",
    "samr": "SamrConnect SamrCloseHandle SamrSetSecurityObject SamrQuerySecurityObject SamrShutdownSamServer "
    "SamrLookupDomainInSamServer SamrEnumerateDomainsInSamServer SamrOpenDomain SamrQueryInformationDomain "
    "SamrSetInformationDomain SamrCreateGroupInDomain SamrEnumerateGroupsInDomain SamrCreateUserInDomain "
    "SamrEnumerateUsersInDomain SamrCreateAliasInDomain SamrEnumerateAliasesInDomain SamrGetAliasMembership "
    "SamrLookupNamesInDomain SamrLookupIdsInDomain SamrOpenGroup SamrQueryInformationGroup SamrSetInformationGroup "
    "SamrAddMemberToGroup SamrDeleteGroup SamrRemoveMemberFromGroup SamrGetMembersInGroup "
    "SamrSetMemberAttributesOfGroup SamrOpenAlias SamrQueryInformationAlias SamrSetInformationAlias SamrDeleteAlias "
    "SamrAddMemberToAlias SamrRemoveMemberFromAlias SamrGetMembersInAlias SamrOpenUser SamrDeleteUser "
    "SamrQueryInformationUser SamrSetInformationUser SamrChangePasswordUser SamrGetGroupsForUser "
    "SamrQueryDisplayInformation SamrGetDisplayEnumerationIndex SamrTestPrivateFunctionsDomain "
    "SamrTestPrivateFunctionsUser SamrGetUserDomainPasswordInformation SamrRemoveMemberFromForeignDomain "
    "SamrQueryInformationDomain2 SamrQueryInformationUser2 SamrQueryDisplayInformation2 "
    "SamrGetDisplayEnumerationIndex2 SamrCreateUser2InDomain SamrQueryDisplayInformation3 "
    "SamrAddMultipleMembersToAlias SamrRemoveMultipleMembersFromAlias SamrOemChangePasswordUser2 "
    "SamrUnicodeChangePasswordUser2 SamrGetDomainPasswordInformation SamrConnect2 SamrSetInformationUser2 "
    "SamrSetBootKeyInformation SamrGetBootKeyInformation SamrConnect3 SamrConnect4 SamrUnicodeChangePasswordUser3 "
    "SamrConnect5 SamrRidToSid SamrSetDSRMPassword SamrValidatePassword",
    "srvsvc": "NetrCharDevEnum NetrCharDevGetInfo NetrCharDevControl NetrCharDevQEnum NetrCharDevQGetInfo "
    "NetrCharDevQSetInfo NetrCharDevQPurge NetrCharDevQPurgeSelf NetrConnectionEnum NetrFileEnum NetrFileGetInfo "
    "NetrFileClose NetrSessionEnum NetrSessionDel NetrShareAdd NetrShareEnum NetrShareGetInfo NetrShareSetInfo "
    "NetrShareDel NetrShareDelSticky NetrShareCheck NetrServerGetInfo NetrServerSetInfo NetrServerDiskEnum "
    "NetrServerStatisticsGet NetrServerTransportAdd NetrServerTransportEnum NetrServerTransportDel NetrRemoteTOD "
    "NetrServerSetServiceBits NetprPathType NetprPathCanonicalize NetprPathCompare NetprNameValidate "
    "NetprNameCanonicalize NetprNameCompare NetrShareEnumSticky NetrShareDelStart NetrShareDelCommit "
    "NetrpGetFileSecurity NetrpSetFileSecurity NetrServerTransportAddEx NetrServerSetServiceBitsEx "
    "NetrDfsGetVersion",
    "wkssvc": "NetrWkstaGetInfo NetrWkstaSetInfo NetrWkstaUserEnum NetrWkstaUserGetInfo NetrWkstaUserSetInfo "
    "NetrWkstaTransportEnum NetrWkstaTransportAdd NetrWkstaTransportDel NetrUseAdd NetrUseGetInfo NetrUseDel "
    "NetrUseEnum NetrMessageBufferSend NetrWorkstationStatisticsGet NetrLogonDomainNameAdd NetrLogonDomainNameDel "
    "NetrJoinDomain NetrUnjoinDomain NetrRenameMachineInDomain NetrValidateName NetrGetJoinInformation "
    "NetrGetJoinableOUs NetrJoinDomain2 NetrUnjoinDomain2 NetrRenameMachineInDomain2 NetrValidateName2 "
    "NetrGetJoinableOUs2 NetrAddAlternateComputerName NetrRemoveAlternateComputerName NetrSetPrimaryComputerName "
    "NetrEnumerateComputerNames",
    "winreg": "OpenClassesRoot OpenCurrentUser OpenLocalMachine OpenPerformanceData OpenUsers BaseRegCloseKey "
    "BaseRegCreateKey BaseRegDeleteKey BaseRegDeleteValue BaseRegEnumKey BaseRegEnumValue BaseRegFlushKey "
    "BaseRegGetKeySecurity BaseRegLoadKey BaseRegNotifyChangeKeyValue BaseRegOpenKey BaseRegQueryInfoKey "
    "BaseRegQueryValue BaseRegReplaceKey BaseRegRestoreKey BaseRegSaveKey BaseRegSetKeySecurity BaseRegSetValue "
    "BaseRegUnLoadKey BaseInitiateSystemShutdown BaseAbortSystemShutdown BaseRegGetVersion OpenCurrentConfig "
    "OpenDynData BaseRegQueryMultipleValues BaseInitiateSystemShutdownEx BaseRegSaveKeyEx OpenPerformanceText "
    "OpenPerformanceNlsText BaseRegQueryMultipleValues2 BaseRegDeleteKeyEx",
    "drsuapi": "DRSBind DRSUnbind DRSReplicaSync DRSGetNCChanges DRSUpdateRefs DRSReplicaAdd DRSReplicaDel "
    "DRSReplicaModify DRSVerifyNames DRSGetMemberships DRSInterDomainMove DRSGetNT4ChangeLog DRSCrackNames "
    "DRSWriteSPN DRSRemoveDsServer DRSRemoveDsDomain DRSDomainControllerInfo DRSAddEntry DRSExecuteKCC "
    "DRSGetReplInfo DRSAddSidHistory DRSGetMemberships2 DRSReplicaVerifyObjects DRSGetObjectExistence "
    "DRSQuerySitesByCost DRSInitDemotion DRSReplicaDemotion DRSFinishDemotion",
    "netlogon": "NetrLogonUasLogon NetrLogonUasLogoff NetrLogonSamLogon NetrLogonSamLogoff NetrServerReqChallenge "
    "NetrServerAuthenticate NetrServerPasswordSet NetrDatabaseDeltas NetrDatabaseSync NetrAccountDeltas "
    "NetrAccountSync NetrGetDCName NetrLogonControl NetrGetAnyDCName NetrLogonControl2 NetrServerAuthenticate2 "
    "NetrDatabaseSync2 NetrDatabaseRedo NetrLogonControl2Ex NetrEnumerateTrustedDomains DsrGetDcName "
    "NetrLogonGetCapabilities NetrLogonSetServiceBits NetrLogonGetTrustRid NetrLogonComputeServerDigest "
    "NetrLogonComputeClientDigest NetrServerAuthenticate3 DsrGetDcNameEx DsrGetSiteName NetrLogonGetDomainInfo "
    "NetrServerPasswordSet2 NetrServerPasswordGet NetrLogonSendToSam DsrAddressToSiteNamesW DsrGetDcNameEx2 "
    "NetrLogonGetTimeServiceParentDomain NetrEnumerateTrustedDomainsEx DsrAddressToSiteNamesExW "
    "DsrGetDcSiteCoverageW NetrLogonSamLogonEx DsrEnumerateDomainTrusts DsrDeregisterDnsHostRecords "
    "NetrServerTrustPasswordsGet DsrGetForestTrustInformation NetrGetForestTrustInformation "
    "NetrLogonSamLogonWithFlags NetrServerGetTrustInfo unused DsrUpdateReadOnlyServerDnsRecords "
    "NetrChainSetClientAttributes",
    "dssetup": "DsRolerGetPrimaryDomainInformation",
    "IWbemServices": "- - - OpenNamespace CancelAsyncCall QueryObjectSink GetObject GetObjectAsync PutClass "
    "PutClassAsync DeleteClass DeleteClassAsync CreateClassEnum CreateClassEnumAsync PutInstance PutInstanceAsync "
    "DeleteInstance DeleteInstanceAsync CreateInstanceEnum CreateInstanceEnumAsync ExecQuery ExecQueryAsync "
    "ExecNotificationQuery ExecNotificationQueryAsync ExecMethod ExecMethodAsync",
    "IWbemLevel1Login": "- - - EstablishPosition RequestChallenge WBEMLogin NTLMLogin",
    "InitShutdown": "BaseInitiateShutdown BaseAbortShutdown BaseInitiateShutdownEx",
    "WindowsShutdown": "WsdrInitiateShutdown WsdrAbortShutdown",
    "BackupKey": "BackuprKey",
}

OPERATIONS: dict[str, tuple[str, ...]] = {endpoint: tuple(names.split()) for endpoint, names in _OPERATIONS.items()}
"""Operations of an endpoint by number; `-` is one that the specification leaves out."""


def endpoint_of(interface: str) -> str:
    """Name an interface, given its id in lower case."""
    return ENDPOINTS.get(interface, f"unknown-{interface}")


def operation_of(endpoint: str, number: int) -> str:
    """Name an operation of an endpoint."""
    names = OPERATIONS.get(endpoint, ())
    name = names[number] if number < len(names) else "-"
    return name if name != "-" else f"unknown-{number}"
